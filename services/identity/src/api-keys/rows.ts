/** The API keys of a tenant, and those of the system. */
import { cacheTags, masterTenantId } from '@clawmesh/contracts'
import { event, type ServiceDb } from '@clawmesh/chassis'
import type { ApiKey as ApiKeyRow, PrismaClient } from '../db/client/client.ts'
import type { ApiKey, KeyRun, NewApiKeyRow } from './types.ts'
import type { ApiKeyLookups, ApiKeyRows } from './use-cases.ts'

const toApiKey = (row: ApiKeyRow): ApiKey => ({
  ...row,
  scopes: row.scopes as ApiKey['scopes'],
  tags: row.tags as ApiKey['tags'],
})
const toRow = (key: NewApiKeyRow) => ({ ...key, scopes: [...key.scopes] })

/** Whose event it is what happens to a key: its tenant's, or for a system key the master tenant's. */
const eventTenantOf = ({ tenantId }: Pick<NewApiKeyRow, 'tenantId'>): string => tenantId ?? masterTenantId

export const createApiKeyRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): ApiKeyRows => {
    const scopeFor = (includeSystemKeys: boolean) => (includeSystemKeys ? db.system : db.forTenant(tenantId))
    const reached = (includeSystemKeys: boolean) => ({
      OR: [{ tenantId }, ...(includeSystemKeys ? [{ tenantId: null }] : [])],
    })

    return {
      list: async (includeSystemKeys) => {
        const rows = await scopeFor(includeSystemKeys).prisma.apiKey.findMany({
          where: reached(includeSystemKeys),
          orderBy: { createdAt: 'desc' },
        })
        return rows.map(toApiKey)
      },

      insert: (key, actor) =>
        // System owners make keys of the system, and of other tenants than their own.
        scopeFor(key.tenantId !== tenantId).change(async (tx) => ({
          result: toApiKey(await tx.apiKey.create({ data: toRow(key) })),
          events: [event('apiKeyCreated', { id: key.id, ...actor }, eventTenantOf(key))],
          // A key tried before it existed is remembered as unknown.
          evict: [cacheTags.apiKey(key.keyHash)],
        })),

      update: (id, includeSystemKeys, actor, check, changes) =>
        scopeFor(includeSystemKeys).change(async (tx) => {
          const old = await tx.apiKey.findFirst({ where: { id, ...reached(includeSystemKeys) } })
          if (old === null) return { result: undefined }
          check(toApiKey(old))
          return {
            result: toApiKey(await tx.apiKey.update({ where: { id }, data: changes })),
            events: [event('apiKeyUpdated', { id, ...actor }, eventTenantOf(old))],
            evict: [cacheTags.apiKey(old.keyHash)],
          }
        }),

      rotate: (id, includeSystemKeys, actor, plan) =>
        scopeFor(includeSystemKeys).change(async (tx) => {
          await tx.$queryRaw`SELECT id FROM identity.api_keys WHERE id = ${id}::uuid FOR UPDATE`
          const old = await tx.apiKey.findFirst({ where: { id, ...reached(includeSystemKeys) } })
          if (old === null) return { result: undefined }
          const { previousExpiresAt, successor } = plan(toApiKey(old))
          const created = await tx.apiKey.create({ data: toRow(successor) })
          await tx.apiKey.update({ where: { id }, data: { expiresAt: previousExpiresAt, rotatedTo: successor.id } })
          const data = { id, newId: successor.id, previousExpiresAt: previousExpiresAt.toISOString(), ...actor }
          return {
            result: { apiKey: toApiKey(created), previousExpiresAt },
            events: [event('apiKeyRotated', data, eventTenantOf(old))],
            evict: [cacheTags.apiKey(old.keyHash), cacheTags.apiKey(created.keyHash)],
          }
        }),

      revoke: (id, includeSystemKeys, actor) =>
        scopeFor(includeSystemKeys).change(async (tx) => {
          const row = await tx.apiKey.findFirst({ where: { id, ...reached(includeSystemKeys) } })
          if (row === null) return { result: false }
          await tx.apiKey.update({ where: { id }, data: { revoked: true } })
          return {
            result: true,
            events: [event('apiKeyRevoked', { id, ...actor }, eventTenantOf(row))],
            evict: [cacheTags.apiKey(row.keyHash)],
          }
        }),
    }
  }

export const createApiKeyLookups = (db: ServiceDb<PrismaClient>): ApiKeyLookups => {
  const { prisma, sql } = db.system

  /** Renews a run's place, or takes the first that nobody holds; false also when another was quicker to take it. */
  const takePlace = async ({ keyId, runId }: KeyRun, leaseMs: number): Promise<boolean> => {
    const { rows } = await sql.query<{ held: boolean }>(
      `WITH renewed AS (
         UPDATE identity.api_key_runs SET lease_until = now() + $3 * interval '1 millisecond'
         WHERE key_id = $1 AND run_id = $2 RETURNING place
       ), taken AS (
         INSERT INTO identity.api_key_runs AS held (key_id, place, run_id, lease_until)
         SELECT keys.id, places.place, $2, now() + $3 * interval '1 millisecond'
         FROM identity.api_keys AS keys, generate_series(1, keys.max_concurrent_runs) AS places (place)
         WHERE keys.id = $1 AND NOT EXISTS (SELECT FROM renewed) AND NOT EXISTS (
           SELECT FROM identity.api_key_runs AS other
           WHERE other.key_id = keys.id AND other.place = places.place AND other.lease_until > now())
         ORDER BY places.place LIMIT 1
         ON CONFLICT (key_id, place) DO UPDATE SET run_id = excluded.run_id, lease_until = excluded.lease_until
         WHERE held.lease_until <= now()
         RETURNING place
       )
       SELECT EXISTS (SELECT FROM renewed) OR EXISTS (SELECT FROM taken) AS held`,
      [keyId, runId, leaseMs],
    )
    return rows[0]!.held
  }

  /** What a key may have under way, null for any number, and what it has. */
  const runsOf = async (keyId: string): Promise<{ most: number | null; running: number }> => {
    const { rows } = await sql.query<{ most: number | null; running: number }>(
      `SELECT keys.max_concurrent_runs AS most, count(runs.run_id)::integer AS running
       FROM identity.api_keys AS keys
       LEFT JOIN identity.api_key_runs AS runs ON runs.key_id = keys.id AND runs.lease_until > now()
       WHERE keys.id = $1 GROUP BY keys.id`,
      [keyId],
    )
    return rows[0] ?? { most: 0, running: 0 }
  }

  return {
    find: async (keyHash) => {
      const row = await prisma.apiKey.findUnique({ where: { keyHash } })
      return row === null ? undefined : toApiKey(row)
    },

    touch: async (id) => {
      try {
        await prisma.$executeRaw`UPDATE identity.api_keys SET last_used_at = now() WHERE id = ${id}::uuid`
      } catch {
        // The next use will be noted.
      }
    },

    holdRun: async (run, leaseMs) => {
      for (;;) {
        if (await takePlace(run, leaseMs)) return true
        const { most, running } = await runsOf(run.keyId)
        if (most === null) return true
        if (running >= most) return false
      }
    },

    releaseRun: async ({ keyId, runId }) => {
      await sql.query('DELETE FROM identity.api_key_runs WHERE key_id = $1 AND run_id = $2', [keyId, runId])
    },
  }
}
