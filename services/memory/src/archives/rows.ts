/** All that an agent remembers, row by row, whoever of its users it is about. */
import { event, newId, type ServiceDb, type Session } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { lockGraph, upsertEntities } from '../knowledge-graph/sql.ts'
import type { MemoryCounts, OwnDocument, OwnEntity, OwnRelation } from './types.ts'
import type { ArchiveRows } from './use-cases.ts'

/** Rows of a graph that are read at a time; documents may be large, and are read one by one. */
const page = 500
const firstId = '00000000-0000-0000-0000-000000000000'

const byUser = <T extends { userId: string }>(all: readonly T[]): [string, T[]][] => [
  ...Map.groupBy(all, ({ userId }) => userId),
]

const insertRelations = async (
  session: Session,
  tenantId: string,
  agentId: string,
  relations: readonly OwnRelation[],
): Promise<number> => {
  const column = <T>(valueOf: (relation: OwnRelation) => T): T[] => relations.map(valueOf)
  const { rowCount } = await session.query(
    `INSERT INTO memory.kg_relations AS r
       (id, tenant_id, agent_id, user_id, source_entity_id, relation_type, target_entity_id, confidence, properties)
     SELECT v.id, $1, $2, v.user_id, s.id, v.type, t.id, v.confidence, v.properties::jsonb
     FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::float8[], $9::text[])
       AS v (id, user_id, source, type, target, confidence, properties)
     JOIN memory.kg_entities s ON s.tenant_id = $1 AND s.agent_id = $2 AND s.user_id = v.user_id AND s.external_id = v.source
     JOIN memory.kg_entities t ON t.tenant_id = $1 AND t.agent_id = $2 AND t.user_id = v.user_id AND t.external_id = v.target
     ON CONFLICT (tenant_id, agent_id, user_id, source_entity_id, relation_type, target_entity_id)
     DO UPDATE SET confidence = EXCLUDED.confidence, properties = r.properties || EXCLUDED.properties`,
    [
      tenantId,
      agentId,
      column(() => newId()),
      column(({ userId }) => userId),
      column(({ sourceExternalId }) => sourceExternalId),
      column(({ relationType }) => relationType),
      column(({ targetExternalId }) => targetExternalId),
      column(({ confidence }) => confidence),
      column(({ properties }) => JSON.stringify(properties)),
    ],
  )
  return rowCount ?? 0
}

export const createArchiveRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): ArchiveRows => {
    const { sql, changeSql } = db.forTenant(tenantId)

    /** Rows by their ids, `page` at a time; `$3` is the last one that was read. */
    const inPages = async function* <T extends object>(text: string, agentId: string): AsyncGenerator<T> {
      for (let last = firstId; ;) {
        const { rows } = await sql.query<T & { id: string }>(`${text} LIMIT ${page}`, [tenantId, agentId, last])
        for (const { id: _id, ...row } of rows) yield row as unknown as T
        if (rows.length < page) return
        last = rows.at(-1)!.id
      }
    }

    return {
      count: async (agentId) => {
        const { rows } = await sql.query<MemoryCounts>(
          `SELECT
             (SELECT count(*) FROM memory.documents WHERE tenant_id = $1 AND agent_id = $2 AND user_id = '') AS "globalDocuments",
             (SELECT count(*) FROM memory.documents WHERE tenant_id = $1 AND agent_id = $2 AND user_id <> '') AS "personalDocuments",
             (SELECT count(*) FROM memory.kg_entities WHERE tenant_id = $1 AND agent_id = $2) AS entities,
             (SELECT count(*) FROM memory.kg_relations WHERE tenant_id = $1 AND agent_id = $2) AS relations`,
          [tenantId, agentId],
        )
        return rows[0]!
      },

      documents: async function* (agentId) {
        for (let last: Pick<OwnDocument, 'userId' | 'path'> = { userId: '', path: '' }; ;) {
          const { rows } = await sql.query<OwnDocument>(
            `SELECT user_id AS "userId", path, content FROM memory.documents
             WHERE tenant_id = $1 AND agent_id = $2 AND (user_id, path) > ($3, $4) ORDER BY user_id, path LIMIT 1`,
            [tenantId, agentId, last.userId, last.path],
          )
          if (rows[0] === undefined) return
          yield rows[0]
          last = rows[0]
        }
      },

      entities: (agentId) =>
        inPages<OwnEntity>(
          `SELECT id, user_id AS "userId", external_id AS "externalId", name, entity_type AS "entityType", description,
             properties, confidence
           FROM memory.kg_entities WHERE tenant_id = $1 AND agent_id = $2 AND id > $3 ORDER BY id`,
          agentId,
        ),

      relations: (agentId) =>
        inPages<OwnRelation>(
          `SELECT r.id, r.user_id AS "userId", s.external_id AS "sourceExternalId", t.external_id AS "targetExternalId",
             r.relation_type AS "relationType", r.confidence, r.properties
           FROM memory.kg_relations r
           JOIN memory.kg_entities s ON s.id = r.source_entity_id
           JOIN memory.kg_entities t ON t.id = r.target_entity_id
           WHERE r.tenant_id = $1 AND r.agent_id = $2 AND r.id > $3 ORDER BY r.id`,
          agentId,
        ),

      writeGraph: (agentId, { entities, relations }, actor) =>
        changeSql(async (session) => {
          await lockGraph(session, agentId)
          for (const [userId, own] of byUser(entities)) {
            const distinct = new Map(own.map((entity) => [entity.externalId, { ...entity, sourceId: '' }]))
            const owner = { agentId, userId }
            await upsertEntities(session, tenantId, owner, [...distinct.values()], { addProperties: true })
          }
          const ends = ({ userId, sourceExternalId, relationType, targetExternalId }: OwnRelation) =>
            JSON.stringify([userId, sourceExternalId, relationType, targetExternalId])
          const distinct = [...new Map(relations.map((relation) => [ends(relation), relation])).values()]
          const counts = {
            entities: entities.length,
            relations: await insertRelations(session, tenantId, agentId, distinct),
          }
          return { result: counts, events: [event('kgIngested', { id: agentId, ...counts, ...actor })] }
        }),
    }
  }
