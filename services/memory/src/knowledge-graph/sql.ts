/** Pieces of SQL over the tables of the graph. */
import { newId, type Session } from '@clawmesh/chassis'
import { contentHash } from '../chunks/content-hash.ts'
import type { WaitingChunk } from '../chunks/types.ts'
import type { Embeddable } from '../embeddings/waiting-rows.ts'
import { toTsvector } from '../text/lexemes.ts'
import { termsOf } from '../text/terms.ts'
import type { GraphOwner, NewEntity } from './types.ts'

export const entityColumns = (alias: string): string =>
  `${alias}.id, ${alias}.agent_id AS "agentId", ${alias}.user_id AS "userId", ${alias}.external_id AS "externalId",
   ${alias}.name, ${alias}.entity_type AS "entityType", ${alias}.description, ${alias}.properties,
   ${alias}.source_id AS "sourceId", ${alias}.confidence, ${alias}.created_at AS "createdAt",
   ${alias}.updated_at AS "updatedAt"`

export const relationColumns = `r.id, r.agent_id AS "agentId", r.user_id AS "userId", r.source_entity_id AS "sourceEntityId",
   r.relation_type AS "relationType", r.target_entity_id AS "targetEntityId", r.confidence, r.properties,
   r.created_at AS "createdAt"`

/** Of a tenant ($1), an agent ($2) and some owners ($3). */
export const inGraph = (alias: string): string =>
  `${alias}.tenant_id = $1 AND ${alias}.agent_id = $2 AND ($3::text[] IS NULL OR ${alias}.user_id = ANY($3))`

/** The text by whose meaning an entity is found. */
const entityText = ({ name, description }: Pick<NewEntity, 'name' | 'description'>): string => `${name} ${description}`

export const entityVectors: Embeddable = {
  table: 'memory.kg_entities',
  text: `name || ' ' || description`,
  hash: `left(encode(sha256(convert_to(name || ' ' || description, 'UTF8')), 'hex'), 32)`,
}

/** New entities are left to who wrote them for this long; then whoever looks for some without a vector may take them. */
const claimMs = 120_000

export interface StoredEntity {
  id: string
  externalId: string
  /** Undefined where it has its vector still. */
  waiting: WaitingChunk | undefined
}

/**
 * Creates entities, or replaces those of the same external ids, which must differ among them. A changed text loses its
 * vector. `addProperties` keeps the properties that an entity had.
 */
export const upsertEntities = async (
  session: Session,
  tenantId: string,
  { agentId, userId }: GraphOwner,
  entities: readonly NewEntity[],
  { addProperties }: { addProperties: boolean },
): Promise<StoredEntity[]> => {
  const column = <T>(valueOf: (entity: NewEntity) => T): T[] => entities.map(valueOf)
  const { rows } = await session.query<NewEntity & { id: string; isWaiting: boolean }>(
    `INSERT INTO memory.kg_entities AS k (id, tenant_id, agent_id, user_id, external_id, name, entity_type, description,
       properties, source_id, confidence, terms, embed_after)
     SELECT v.id, $1, $2, $3, v.external_id, v.name, v.entity_type, v.description, v.properties::jsonb, v.source_id,
       v.confidence, v.terms::tsvector, now() + $4 * interval '1 millisecond'
     FROM unnest($5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::float8[],
       $13::text[]) AS v (id, external_id, name, entity_type, description, properties, source_id, confidence, terms)
     ORDER BY v.external_id
     ON CONFLICT (tenant_id, agent_id, user_id, external_id) DO UPDATE SET
       name = EXCLUDED.name, entity_type = EXCLUDED.entity_type, description = EXCLUDED.description,
       properties = ${addProperties ? 'k.properties || EXCLUDED.properties' : 'EXCLUDED.properties'},
       source_id = EXCLUDED.source_id, confidence = EXCLUDED.confidence, terms = EXCLUDED.terms, updated_at = now(),
       ${['embedding', 'dims', 'embedding_model']
         .map(
           (name) =>
             `${name} = CASE WHEN k.name = EXCLUDED.name AND k.description = EXCLUDED.description THEN k.${name} END`,
         )
         .join(', ')},
       embed_after = EXCLUDED.embed_after, embed_failures = 0, embed_error = NULL
     RETURNING id, external_id AS "externalId", name, description, embedding IS NULL AS "isWaiting"`,
    [
      tenantId,
      agentId,
      userId,
      claimMs,
      column(() => newId()),
      column(({ externalId }) => externalId),
      column(({ name }) => name),
      column(({ entityType }) => entityType),
      column(({ description }) => description),
      column(({ properties }) => JSON.stringify(properties)),
      column(({ sourceId }) => sourceId),
      column(({ confidence }) => confidence),
      column((entity) => toTsvector(termsOf(entityText(entity)))),
    ],
  )
  return rows.map(({ id, externalId, isWaiting, ...text }) => ({
    id,
    externalId,
    waiting: isWaiting ? { id, agentId, hash: contentHash(entityText(text)), text: entityText(text) } : undefined,
  }))
}

/** Only one changes the shape of an agent's graph at a time. Held until the transaction ends. */
export const lockGraph = async (session: Session, agentId: string): Promise<void> => {
  await session.query(`SELECT pg_advisory_xact_lock(hashtextextended('memory graph ' || $1, 0))`, [agentId])
}
