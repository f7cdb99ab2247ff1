/** Pairs of entities, and the merge of two. */
import { MeshError } from '@clawmesh/contracts'
import { event, newId, type ServiceDb, type Session } from '@clawmesh/chassis'
import type { PrismaClient } from '../../db/client/client.ts'
import { entityNotFound } from '../scope.ts'
import { entityColumns, inGraph, lockGraph } from '../sql.ts'
import type { Entity } from '../types.ts'
import type { Candidate, DedupRows, Neighbour, Pair } from './use-cases.ts'

const scanTimeoutMs = 30_000
const neighbours = 3
/** Every entity of a scan is compared with every other: so many that changed last, which takes seconds at most. */
const scanned = 2_000

/** Makes relations of an entity ($3) those of another ($2), but for those that it has or that are between the two. */
const moveRelations = async (session: Session, tenantId: string, targetId: string, sourceId: string): Promise<void> => {
  const ids = [tenantId, targetId, sourceId]
  await session.query(
    `DELETE FROM memory.kg_relations WHERE tenant_id = $1 AND (source_entity_id, target_entity_id) IN
       (($2, $3), ($3, $2), ($3, $3))`,
    ids,
  )
  for (const [end, otherEnd] of [
    ['source_entity_id', 'target_entity_id'],
    ['target_entity_id', 'source_entity_id'],
  ] as const) {
    await session.query(
      `DELETE FROM memory.kg_relations gone USING memory.kg_relations kept
       WHERE gone.tenant_id = $1 AND kept.tenant_id = $1 AND gone.${end} = $3 AND kept.${end} = $2
         AND gone.${otherEnd} = kept.${otherEnd} AND gone.relation_type = kept.relation_type
         AND gone.user_id = kept.user_id`,
      ids,
    )
    await session.query(`UPDATE memory.kg_relations SET ${end} = $2 WHERE tenant_id = $1 AND ${end} = $3`, ids)
  }
}

export const createDedupRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): DedupRows => {
    const { sql, changeSql } = db.forTenant(tenantId)
    return {
      neighboursOf: async (id) => {
        const { rows } = await sql.query<Omit<Neighbour, 'similarity'>>(
          'SELECT id, name, confidence FROM memory.kg_entities WHERE tenant_id = $1 AND id = $2',
          [tenantId, id],
        )
        const entity = rows[0]
        if (entity === undefined) return undefined
        const near = await sql.query<Neighbour>(
          `SELECT o.id, o.name, o.confidence, 1 - (o.embedding <=> e.embedding) AS similarity
           FROM memory.kg_entities e JOIN memory.kg_entities o ON o.tenant_id = e.tenant_id AND o.agent_id = e.agent_id
             AND o.user_id = e.user_id AND o.entity_type = e.entity_type AND o.embedding_model = e.embedding_model
             AND o.dims = e.dims AND o.id <> e.id
           WHERE e.tenant_id = $1 AND e.id = $2 ORDER BY similarity DESC, o.id LIMIT ${neighbours}`,
          [tenantId, id],
        )
        return { entity, near: near.rows }
      },

      alike: ({ agentId, userIds }, { threshold, limit }) =>
        sql.transaction(async (session) => {
          await session.query(`SET LOCAL statement_timeout = ${scanTimeoutMs}`)
          // In a CASE, as vectors of two widths cannot be compared and conditions come in any order.
          const { rows } = await session.query<Pair>(
            `WITH latest AS (
               SELECT * FROM memory.kg_entities e WHERE ${inGraph('e')} AND e.embedding IS NOT NULL
               ORDER BY e.updated_at DESC, e.id LIMIT ${scanned}
             )
             SELECT * FROM (
               SELECT e.id AS "aId", o.id AS "bId", e.user_id AS "userId",
                 CASE WHEN o.dims = e.dims THEN 1 - (o.embedding <=> e.embedding) END AS similarity
               FROM latest e JOIN latest o ON o.user_id = e.user_id AND o.entity_type = e.entity_type
                 AND o.embedding_model = e.embedding_model AND o.id > e.id
             ) AS pairs WHERE similarity > $4 ORDER BY similarity DESC, "aId", "bId" LIMIT $5`,
            [tenantId, agentId, userIds ?? null, threshold, limit],
          )
          return rows
        }),

      record: async (agentId, pairs) => {
        const ordered = pairs.map(({ aId, bId, ...rest }) =>
          aId < bId ? { aId, bId, ...rest } : { aId: bId, bId: aId, ...rest },
        )
        await sql.query(
          `INSERT INTO memory.kg_dedup_candidates (id, tenant_id, agent_id, user_id, entity_a_id, entity_b_id, similarity)
           SELECT v.id, $1, $2, v.user_id, v.a, v.b, v.similarity
           FROM unnest($3::uuid[], $4::text[], $5::uuid[], $6::uuid[], $7::float8[]) AS v (id, user_id, a, b, similarity)
           ON CONFLICT (entity_a_id, entity_b_id) DO NOTHING`,
          [
            tenantId,
            agentId,
            ordered.map(() => newId()),
            ordered.map(({ userId }) => userId),
            ordered.map(({ aId }) => aId),
            ordered.map(({ bId }) => bId),
            ordered.map(({ similarity }) => similarity),
          ],
        )
      },

      open: async ({ agentId, userIds }, limit) => {
        const { rows } = await sql.query<Omit<Candidate, 'entityA' | 'entityB'> & { aId: string; bId: string }>(
          `SELECT c.id, c.entity_a_id AS "aId", c.entity_b_id AS "bId", c.similarity, c.status, c.created_at AS "createdAt"
           FROM memory.kg_dedup_candidates c WHERE ${inGraph('c')} AND c.status = 'pending'
           ORDER BY c.similarity DESC, c.created_at DESC, c.id LIMIT $4`,
          [tenantId, agentId, userIds ?? null, limit],
        )
        const entities = await sql.query<Entity>(
          `SELECT ${entityColumns('e')} FROM memory.kg_entities e WHERE e.tenant_id = $1 AND e.id = ANY($2)`,
          [tenantId, rows.flatMap(({ aId, bId }) => [aId, bId])],
        )
        const known = new Map(entities.rows.map((entity) => [entity.id, entity]))
        return rows.flatMap(({ aId, bId, ...candidate }) => {
          const [entityA, entityB] = [known.get(aId), known.get(bId)]
          // Deleted between the two statements.
          return entityA === undefined || entityB === undefined ? [] : [{ ...candidate, entityA, entityB }]
        })
      },

      dismiss: ({ agentId, userIds }, ids, actor) =>
        changeSql(async (session) => {
          const { rows } = await session.query<{ id: string }>(
            `UPDATE memory.kg_dedup_candidates c SET status = 'dismissed'
             WHERE ${inGraph('c')} AND c.id = ANY($4) AND c.status = 'pending' RETURNING c.id`,
            [tenantId, agentId, userIds ?? null, ids],
          )
          const events = rows.map(({ id }) => event('kgCandidateDismissed', { id, ...actor }))
          return { result: rows.length, events }
        }),

      merge: ({ agentId, userIds }, { targetId, sourceId }, actor) =>
        changeSql(async (session) => {
          await lockGraph(session, agentId)
          const { rows } = await session.query<{ id: string; user_id: string }>(
            `SELECT e.id, e.user_id FROM memory.kg_entities e WHERE ${inGraph('e')} AND e.id = ANY($4) FOR UPDATE`,
            [tenantId, agentId, userIds ?? null, [targetId, sourceId]],
          )
          for (const wanted of [targetId, sourceId])
            if (!rows.some(({ id }) => id === wanted)) throw entityNotFound(wanted)
          if (rows[0]!.user_id !== rows[1]!.user_id)
            throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
              field: 'source_id',
              reason: 'belongs to another user',
            })
          await moveRelations(session, tenantId, targetId, sourceId)
          await session.query('DELETE FROM memory.kg_entities WHERE tenant_id = $1 AND id = $2', [tenantId, sourceId])
          return { result: undefined, events: [event('kgEntityMerged', { id: sourceId, targetId, ...actor })] }
        }),
    }
  }
