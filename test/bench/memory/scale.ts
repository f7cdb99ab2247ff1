/**
 * What a search takes where there is much to search: 100,000 chunks in one agent, as many in 1,000 agents beside it, and a graph of
 * 100,000 entities. The same statements as the service's, over its own API.
 */
import { newId } from '@clawmesh/chassis'
import { featureHash, featureHashingSpace } from '../../../services/memory/src/embeddings/feature-hashing.ts'
import { spaceLabel } from '../../../services/memory/src/embeddings/types.ts'
import { toVector } from '../../../services/memory/src/embeddings/vectors.ts'
import { toTsvector } from '../../../services/memory/src/text/lexemes.ts'
import { termsOf } from '../../../services/memory/src/text/terms.ts'
import type { MemoryHarness } from '../../../services/memory/test/support.ts'
import type { Corpus } from './corpus.ts'

type Pool = MemoryHarness['database']['pool']

/** Whose chunks, and how many. */
export interface Filling {
  tenantId: string
  agentId: string
  /** The owner of each in turn; empty for the agent's own. */
  owners: readonly string[]
  chunks: number
}

const batchSize = 1_000

/** Stores chunks with terms and vectors, a document for each owner. */
export const fillChunks = async (pool: Pool, corpus: Corpus, fillings: readonly Filling[]): Promise<void> => {
  const documents = new Map<string, string>()
  let rows: unknown[][] = []
  const flush = async (): Promise<void> => {
    const column = (index: number) => rows.map((row) => row[index])
    await pool.query(
      `INSERT INTO memory.chunks (id, tenant_id, agent_id, document_id, user_id, path, start_line, end_line, hash, text, terms,
         embedding, dims, embedding_model)
       SELECT v.id, v.tenant_id, v.agent_id, v.document_id, v.user_id, 'notes.md', v.line, v.line, md5(v.text), v.text,
         v.terms::tsvector, v.embedding::vector, $9, $10
       FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::int[], $7::text[], $8::text[], $11::text[])
         AS v (id, tenant_id, agent_id, document_id, user_id, line, text, terms, embedding)`,
      [
        ...Array.from({ length: 8 }, (_, index) => column(index)),
        featureHashingSpace.dims,
        spaceLabel(featureHashingSpace),
        column(8),
      ],
    )
    rows = []
  }
  for (const { tenantId, agentId, owners, chunks } of fillings)
    for (let line = 1; line <= chunks; line++) {
      const owner = owners[line % owners.length]!
      const key = `${agentId} ${owner}`
      if (!documents.has(key)) {
        documents.set(key, newId())
        await pool.query(
          `INSERT INTO memory.documents (id, tenant_id, agent_id, user_id, path, content, hash) VALUES ($1, $2, $3, $4, 'notes.md', '', '')`,
          [documents.get(key), tenantId, agentId, owner],
        )
      }
      const text = corpus.text()
      rows.push([
        ...[newId(), tenantId, agentId, documents.get(key), owner, line, text, toTsvector(termsOf(text))],
        toVector(featureHash(text)),
      ])
      if (rows.length === batchSize) await flush()
    }
  if (rows.length > 0) await flush()
}

/** Whose copies are. */
export interface CopiedTo extends Pick<Filling, 'tenantId' | 'agentId'> {
  owner: string
}

/** Copies `chunks` chunks of an agent to others, `each` to each: the first ones to the first, and from the beginning again after the last. */
export const copyChunks = async (
  pool: Pool,
  from: Pick<Filling, 'tenantId' | 'agentId' | 'chunks'>,
  to: readonly CopiedTo[],
  each: number,
): Promise<void> => {
  await pool.query(
    `WITH copies AS (
       SELECT gen_random_uuid() AS document_id, a.* FROM unnest($3::uuid[], $4::uuid[], $5::text[]) WITH ORDINALITY
         AS a (tenant_id, agent_id, owner, at)
     ), documents AS (
       INSERT INTO memory.documents (id, tenant_id, agent_id, user_id, path, content, hash)
       SELECT document_id, tenant_id, agent_id, owner, 'notes.md', '', '' FROM copies RETURNING 1
     ), source AS (
       SELECT c.*, row_number() OVER () - 1 AS n FROM memory.chunks c WHERE c.tenant_id = $1 AND c.agent_id = $2
     )
     INSERT INTO memory.chunks (id, tenant_id, agent_id, document_id, user_id, path, start_line, end_line, hash, text, terms, embedding,
       dims, embedding_model)
     SELECT gen_random_uuid(), a.tenant_id, a.agent_id, a.document_id, a.owner, s.path, s.start_line, s.end_line, s.hash, s.text,
       s.terms, s.embedding, s.dims, s.embedding_model
     FROM copies a JOIN source s ON s.n / $6::int = (a.at - 1) % ($7::int / $6::int)`,
    [
      ...[from.tenantId, from.agentId, to.map(({ tenantId }) => tenantId), to.map(({ agentId }) => agentId)],
      ...[to.map(({ owner }) => owner), each, from.chunks],
    ],
  )
}

/** Stores entities, and relations from each to some that are picked at random. */
export const fillGraph = async (
  pool: Pool,
  {
    tenantId,
    agentId,
    entities,
    relations,
  }: { tenantId: string; agentId: string; entities: number; relations: number },
): Promise<void> => {
  await pool.query(
    `INSERT INTO memory.kg_entities (id, tenant_id, agent_id, external_id, name, entity_type, terms, embed_after)
     SELECT gen_random_uuid(), $1, $2, 'e' || n, 'Entity ' || n, 'concept', ('''entiti'' ''' || n || '''')::tsvector, now() + interval '1 day'
     FROM generate_series(0, $3::int - 1) AS n`,
    [tenantId, agentId, entities],
  )
  // Known to be many, they are joined in minutes less.
  await pool.query('ANALYZE memory.kg_entities')
  const client = await pool.connect()
  try {
    // A million checks of keys that are known to be there would take longer than all else.
    await client.query('SET session_replication_role = replica')
    await client.query(
      `WITH numbered AS MATERIALIZED (
       SELECT id, row_number() OVER () - 1 AS n FROM memory.kg_entities WHERE tenant_id = $1 AND agent_id = $2
     ), pairs AS MATERIALIZED (
       SELECT floor(random() * $3)::int AS a, floor(random() * $3)::int AS b FROM generate_series(1, $4::int)
     )
     INSERT INTO memory.kg_relations (id, tenant_id, agent_id, source_entity_id, relation_type, target_entity_id)
     SELECT gen_random_uuid(), $1, $2, a.id, 'related_to', b.id FROM pairs JOIN numbered a ON a.n = pairs.a JOIN numbered b ON b.n = pairs.b
     ON CONFLICT DO NOTHING`,
      [tenantId, agentId, entities, relations],
    )
  } finally {
    client.release(true)
  }
}

/** Ids of some entities of a graph. */
export const graphStarts = async (
  pool: Pool,
  { tenantId, agentId }: Pick<Filling, 'tenantId' | 'agentId'>,
): Promise<string[]> => {
  const { rows } = await pool.query<{ id: string }>(
    'SELECT id FROM memory.kg_entities WHERE tenant_id = $1 AND agent_id = $2 ORDER BY id LIMIT 2000',
    [tenantId, agentId],
  )
  return rows.map(({ id }) => id)
}

/** Milliseconds of each call, one after the other, shortest first. */
export const timesOf = async (calls: number, call: (at: number) => Promise<unknown>): Promise<number[]> => {
  const times: number[] = []
  for (let at = 0; at < calls; at++) {
    const beganAt = performance.now()
    await call(at)
    times.push(performance.now() - beganAt)
  }
  return times.toSorted((a, b) => a - b)
}
