/** Statements over a whole graph. */
import type { Database } from '@clawmesh/chassis'
import { entityColumns, inGraph, relationColumns } from '../sql.ts'
import type { Entity, Relation } from '../types.ts'
import type { GraphRows, Reached } from './use-cases.ts'

const walkTimeoutMs = 5_000
/** A walk goes one step after the other, so the nearest paths come before the bound. */
const mostPaths = 5_000

const walkSql = `
  WITH RECURSIVE walk AS (
    SELECT e.id, 1 AS depth, ARRAY[e.id] AS path, ''::text AS via FROM memory.kg_entities e
    WHERE ${inGraph('e')} AND e.id = $4
    UNION ALL
    SELECT next.id, walk.depth + 1, walk.path || next.id, next.via
    FROM walk CROSS JOIN LATERAL (
      SELECT r.target_entity_id AS id, r.relation_type::text AS via FROM memory.kg_relations r
      WHERE ${inGraph('r')} AND r.source_entity_id = walk.id
      UNION ALL
      SELECT r.source_entity_id, '~' || r.relation_type FROM memory.kg_relations r
      WHERE ${inGraph('r')} AND r.target_entity_id = walk.id
    ) AS next
    WHERE walk.depth < $5 AND next.id <> ALL (walk.path)
  ), reached AS (
    SELECT * FROM walk WHERE depth > 1 LIMIT ${mostPaths}
  )
  SELECT reached.depth, reached.path, reached.via, ${entityColumns('e')}
  FROM reached JOIN memory.kg_entities e ON e.id = reached.id AND ${inGraph('e')}
  ORDER BY reached.depth, e.name, e.id, reached.path`

export const createGraphRows =
  ({ forTenant }: Pick<Database, 'forTenant'>) =>
  (tenantId: string): GraphRows => {
    const { query, transaction } = forTenant(tenantId)
    return {
      walk: ({ agentId, userIds }, startId, maxDepth) =>
        transaction(async (session) => {
          await session.query(`SET LOCAL statement_timeout = ${walkTimeoutMs}`)
          const { rows } = await session.query<Entity & Omit<Reached, 'entity'>>(walkSql, [
            tenantId,
            agentId,
            userIds ?? null,
            startId,
            maxDepth,
          ])
          return rows.map(({ depth, path, via, ...entity }) => ({ entity, depth, path, via }))
        }),

      counts: async ({ agentId, userIds }) => {
        const scope = [tenantId, agentId, userIds ?? null]
        const { rows } = await query<{ type: string; count: number }>(
          `SELECT e.entity_type AS type, count(*)::int AS count FROM memory.kg_entities e WHERE ${inGraph('e')}
           GROUP BY e.entity_type ORDER BY count DESC, type`,
          scope,
        )
        const relations = await query<{ count: number }>(
          `SELECT count(*)::int AS count FROM memory.kg_relations r WHERE ${inGraph('r')}`,
          scope,
        )
        return {
          entities: rows.reduce((sum, { count }) => sum + count, 0),
          relations: relations.rows[0]!.count,
          types: Object.fromEntries(rows.map(({ type, count }) => [type, count])),
        }
      },

      newestEntities: async ({ agentId, userIds }, limit) => {
        const { rows } = await query<Entity>(
          `SELECT ${entityColumns('e')} FROM memory.kg_entities e WHERE ${inGraph('e')}
           ORDER BY e.updated_at DESC, e.id DESC LIMIT $4`,
          [tenantId, agentId, userIds ?? null, limit],
        )
        return rows
      },

      newestRelations: async ({ agentId, userIds }, limit) => {
        const { rows } = await query<Relation>(
          `SELECT ${relationColumns} FROM memory.kg_relations r WHERE ${inGraph('r')}
           ORDER BY r.created_at DESC, r.id DESC LIMIT $4`,
          [tenantId, agentId, userIds ?? null, limit],
        )
        return rows
      },
    }
  }
