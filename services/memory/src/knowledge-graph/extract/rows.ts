/** Stores what was extracted. */
import { event, newId, type ServiceDb, type Session } from '@clawmesh/chassis'
import type { PrismaClient } from '../../db/client/client.ts'
import { lockGraph, upsertEntities, type StoredEntity } from '../sql.ts'
import type { ExtractedRelation, GraphOwner } from '../types.ts'
import type { IngestRows } from './use-cases.ts'

/** Stores relations whose both ends are known; how many. */
const upsertRelations = async (
  session: Session,
  tenantId: string,
  { agentId, userId }: GraphOwner,
  entities: readonly StoredEntity[],
  relations: readonly ExtractedRelation[],
): Promise<number> => {
  const ids = new Map(entities.map(({ externalId, id }) => [externalId, id]))
  const rows = relations.flatMap(({ source, target, ...relation }) => {
    const [sourceId, targetId] = [ids.get(source), ids.get(target)]
    return sourceId === undefined || targetId === undefined ? [] : [{ ...relation, sourceId, targetId }]
  })
  await session.query(
    `INSERT INTO memory.kg_relations (id, tenant_id, agent_id, user_id, source_entity_id, relation_type, target_entity_id, confidence)
     SELECT v.id, $1, $2, $3, v.source, v.type, v.target, v.confidence
     FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::uuid[], $8::float8[]) AS v (id, source, type, target, confidence)
     ON CONFLICT (tenant_id, agent_id, user_id, source_entity_id, relation_type, target_entity_id)
     DO UPDATE SET confidence = EXCLUDED.confidence`,
    [
      tenantId,
      agentId,
      userId,
      rows.map(() => newId()),
      rows.map(({ sourceId }) => sourceId),
      rows.map(({ type }) => type),
      rows.map(({ targetId }) => targetId),
      rows.map(({ confidence }) => confidence),
    ],
  )
  return rows.length
}

export const createIngestRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): IngestRows => ({
    ingest: (owner, { entities, relations }, actor) =>
      db.forTenant(tenantId).changeSql(async (session) => {
        await lockGraph(session, owner.agentId)
        const stored = await upsertEntities(session, tenantId, owner, entities, { addProperties: true })
        const counts = {
          entities: stored.length,
          relations: await upsertRelations(session, tenantId, owner, stored, relations),
        }
        const isNothing = counts.entities === 0
        return {
          result: stored,
          events: isNothing ? [] : [event('kgIngested', { id: owner.agentId, ...counts, ...actor })],
        }
      }),
  })
