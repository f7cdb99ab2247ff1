/** API keys that exist only for the benchmark. */
import { createHash } from 'node:crypto'
import { newId } from '@clawmesh/chassis'
import { masterTenantId } from '@clawmesh/contracts'
import pg from 'pg'

/** The key with a number, in the form of any API key. */
export const benchKey = (number: number): string => `goclaw_${number.toString(16).padStart(32, '0')}`

/** Writes so many keys into identity's table, as no one would make them one by one. */
export const insertKeys = async (databaseUrl: string, count: number): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const numbers = Array.from({ length: count }, (_, number) => number)
  await client.query(
    `INSERT INTO identity.api_keys (id, tenant_id, name, prefix, key_hash, scopes)
     SELECT id, $1, 'bench', 'goclaw_', hash, '{operator.write}' FROM unnest($2::uuid[], $3::text[]) AS key(id, hash)`,
    [
      masterTenantId,
      numbers.map(() => newId()),
      numbers.map((number) => createHash('sha256').update(benchKey(number)).digest('hex')),
    ],
  )
  await client.end()
}
