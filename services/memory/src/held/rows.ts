/** What agents hold, counted from time to time and kept as changes by the hour. */
import type { Database } from '@clawmesh/chassis'
import type { HeldRows } from './use-cases.ts'

const kinds = ['documents', 'chunks', 'entities', 'relations'] as const
type Kind = (typeof kinds)[number]

const tables: Readonly<Record<Kind, string>> = {
  documents: 'memory.documents',
  chunks: 'memory.chunks',
  entities: 'memory.kg_entities',
  relations: 'memory.kg_relations',
}

const each = (text: (kind: Kind) => string): string => kinds.map(text).join(', ')
const countOf = (kind: Kind): string =>
  `SELECT tenant_id, agent_id, ${each((one) => (one === kind ? `count(*) AS ${one}` : `0 AS ${one}`))}
   FROM ${tables[kind]} GROUP BY tenant_id, agent_id`
const addTo = 'ON CONFLICT (tenant_id, agent_id, hour) DO UPDATE SET'
const added = each((kind) => `${kind} = held_changes.${kind} + excluded.${kind}`)

/** What there is, less what is known of already, is what has changed. An agent that has nothing left is known still. */
const countSql = `
  INSERT INTO memory.held_changes (tenant_id, agent_id, hour, ${kinds.join(', ')})
  SELECT tenant_id, agent_id, date_trunc('hour', now(), 'UTC'), ${each((kind) => `sum(${kind})::int`)}
  FROM (
    ${kinds.map(countOf).join(' UNION ALL ')} UNION ALL
    SELECT tenant_id, agent_id, ${each((kind) => `-${kind}`)} FROM memory.held_changes
  ) AS differences
  GROUP BY tenant_id, agent_id HAVING ${kinds.map((kind) => `sum(${kind}) <> 0`).join(' OR ')}
  ${addTo} ${added}`

/** What is kept of the time before is one change, so that nothing is missed in sums. */
const foldSql = `
  WITH old AS (
    DELETE FROM memory.held_changes WHERE hour < date_trunc('hour', now() - $1 * interval '1 day', 'UTC')
    RETURNING tenant_id, agent_id, ${kinds.join(', ')}
  )
  INSERT INTO memory.held_changes (tenant_id, agent_id, hour, ${kinds.join(', ')})
  SELECT tenant_id, agent_id, date_trunc('hour', now() - $1 * interval '1 day', 'UTC'), ${each((kind) => `sum(${kind})::int`)}
  FROM old GROUP BY tenant_id, agent_id
  ${addTo} ${added}`

/** Counts what agents of all tenants hold now, unless another replica is at it. Changes older than some days become one. */
export const countHeld = ({ system }: Database, keptDays: number): Promise<void> =>
  system.transaction(async ({ query }) => {
    const { rows } = await query<{ locked: boolean }>(
      `SELECT pg_try_advisory_xact_lock(hashtextextended('memory held', 0)) AS locked`,
    )
    if (!rows[0]!.locked) return
    await query(countSql)
    await query(foldSql, [keptDays])
  })

export const createHeldRows =
  ({ forTenant }: Database) =>
  (tenantId: string): HeldRows => ({
    history: async ({ from, to, agentId }) => {
      // The state at `from` is that of the last change before it, so hours before it are summed up into one.
      const { rows } = await forTenant(tenantId).query<Awaited<ReturnType<HeldRows['history']>>[number]>(
        `SELECT hour, ${each((kind) => `(sum(sum(${kind})) OVER (ORDER BY hour))::int AS ${kind}`)}
         FROM (
           SELECT greatest(hour, date_trunc('hour', $2::timestamptz, 'UTC')) AS hour, ${kinds.join(', ')}
           FROM memory.held_changes
           WHERE tenant_id = $1 AND hour < $3 AND ($4::uuid IS NULL OR agent_id = $4)
         ) AS known
         GROUP BY hour ORDER BY hour`,
        [tenantId, from, to, agentId ?? null],
      )
      return rows
    },
  })
