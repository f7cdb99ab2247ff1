/** Changes of documents: each one transaction with its chunks and its event. */
import { MeshError } from '@clawmesh/contracts'
import { documentLimitBytes } from '../domain/check.ts'
import { contentHash } from '../domain/content-hash.ts'
import type { ChunkText, DocumentKey, MemoryDocument, WaitingChunk } from '../domain/types.ts'
import { newId, outboxRow, type Actor, type Database, type OutboxRow, type Session } from '@clawmesh/chassis'

/** New chunks are left to who wrote them for this long; then whoever looks for chunks without a vector may take them. */
const claimMs = 120_000
/** Documents deleted in one transaction when an agent goes. */
const deleteBatch = 200

interface DocumentRow {
  id: string
  agent_id: string
  user_id: string
  path: string
  content: string
  hash: string
  created_at: Date
  updated_at: Date
  created: boolean
}

const toDocument = (row: DocumentRow): MemoryDocument => ({
  id: row.id,
  agentId: row.agent_id,
  userId: row.user_id,
  path: row.path,
  content: row.content,
  hash: row.hash,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

/** Cuts a content into chunks. */
export type Cut = (content: string) => ChunkText[]

export interface Written {
  document: MemoryDocument
  created: boolean
  chunks: WaitingChunk[]
}

const insertOutbox = (client: Session, rows: readonly OutboxRow[]) =>
  client.query(
    'INSERT INTO memory.outbox (id, subject, payload) SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[])',
    [rows.map(({ id }) => id), rows.map(({ subject }) => subject), rows.map(({ payload }) => payload)],
  )

const replaceChunks = async (
  client: Session,
  tenantId: string,
  document: MemoryDocument,
  texts: readonly ChunkText[],
): Promise<WaitingChunk[]> => {
  const { agentId, userId, path } = document
  await client.query('DELETE FROM memory.chunks WHERE tenant_id = $1 AND document_id = $2', [tenantId, document.id])
  if (texts.length === 0) return []
  const chunks = texts.map(({ text }) => ({ id: newId(), agentId, hash: contentHash(text), text }))
  await client.query(
    `INSERT INTO memory.chunks
       (id, start_line, end_line, part, hash, text, tenant_id, agent_id, document_id, user_id, path, embed_after)
     SELECT piece.*, $7::uuid, $8::uuid, $9::uuid, $10, $11, now() + $12 * interval '1 millisecond'
     FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::text[], $6::text[]) AS piece`,
    [
      chunks.map(({ id }) => id),
      texts.map(({ startLine }) => startLine),
      texts.map(({ endLine }) => endLine),
      texts.map(({ part }) => part),
      chunks.map(({ hash }) => hash),
      chunks.map(({ text }) => text),
      tenantId,
      agentId,
      document.id,
      userId,
      path,
      claimMs,
    ],
  )
  return chunks
}

/** One statement, so that two writers at once both end up in an appended document. */
const upsert = (append: boolean) => `
  INSERT INTO memory.documents AS d (id, tenant_id, agent_id, user_id, path, content, hash)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (tenant_id, agent_id, user_id, path) DO UPDATE SET
    content = ${append ? `CASE WHEN d.content = '' THEN EXCLUDED.content ELSE d.content || E'\\n\\n---\\n\\n' || EXCLUDED.content END` : 'EXCLUDED.content'},
    updated_at = now()
  RETURNING *, xmax = 0 AS created`

export const createWriteStore = (database: Database, published: () => void) => (tenantId: string) => {
  const { transaction } = database.forTenant(tenantId)
  return {
    /**
     * Creates, replaces or appends to a document, and its chunks with it.
     * @throws PAYLOAD_TOO_LARGE when it would become longer than `documentLimitBytes`
     */
    put: async (
      key: DocumentKey & { content: string },
      { append, cut, actor }: { append: boolean; cut: Cut; actor: Actor },
    ): Promise<Written> => {
      const written = await transaction(async (client) => {
        const { rows } = await client.query<DocumentRow>(upsert(append), [
          newId(),
          tenantId,
          key.agentId,
          key.userId,
          key.path,
          key.content,
          contentHash(key.content),
        ])
        const row = rows[0]!
        if (Buffer.byteLength(row.content) > documentLimitBytes)
          throw new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit: documentLimitBytes })
        const document = { ...toDocument(row), hash: contentHash(row.content) }
        await client.query('UPDATE memory.documents SET hash = $3 WHERE tenant_id = $1 AND id = $2 AND hash <> $3', [
          tenantId,
          document.id,
          document.hash,
        ])
        const chunks = await replaceChunks(client, tenantId, document, cut(document.content))
        await insertOutbox(client, [outboxRow('memoryDocumentStored', tenantId, { id: document.id, ...actor })])
        return { document, created: row.created, chunks }
      })
      published()
      return written
    },

    /** Cuts a document again; undefined when there is none. */
    rebuild: (key: DocumentKey, cut: Cut): Promise<WaitingChunk[] | undefined> =>
      transaction(async (client) => {
        const { rows } = await client.query<DocumentRow>(
          `SELECT * FROM memory.documents
           WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND path = $4 FOR UPDATE`,
          [tenantId, key.agentId, key.userId, key.path],
        )
        const document = rows[0] && toDocument(rows[0])
        return document && replaceChunks(client, tenantId, document, cut(document.content))
      }),

    /** Deletes a document with its chunks; whether there was one. */
    delete: async (which: { id: string } | DocumentKey, actor: Actor): Promise<boolean> => {
      const [condition, values] =
        'id' in which
          ? ['id = $2', [which.id]]
          : ['agent_id = $2 AND user_id = $3 AND path = $4', [which.agentId, which.userId, which.path]]
      const deleted = await transaction(async (client) => {
        const { rows } = await client.query<{ id: string }>(
          `DELETE FROM memory.documents WHERE tenant_id = $1 AND ${condition} RETURNING id`,
          [tenantId, ...values],
        )
        const events = rows.map(({ id }) => outboxRow('memoryDocumentDeleted', tenantId, { id, ...actor }))
        if (events.length > 0) await insertOutbox(client, events)
        return events.length > 0
      })
      if (deleted) published()
      return deleted
    },

    /** Deletes all documents of an agent, in transactions of bounded size; a second time finds nothing left. */
    deleteOfAgent: async (agentId: string, actor: Actor): Promise<void> => {
      for (let full = true; full;) {
        full = await transaction(async (client) => {
          const { rows } = await client.query<{ id: string }>(
            `DELETE FROM memory.documents WHERE tenant_id = $1 AND id IN (
               SELECT id FROM memory.documents WHERE tenant_id = $1 AND agent_id = $2 LIMIT ${deleteBatch}
             ) RETURNING id`,
            [tenantId, agentId],
          )
          const events = rows.map(({ id }) => outboxRow('memoryDocumentDeleted', tenantId, { id, ...actor }))
          if (events.length > 0) await insertOutbox(client, events)
          return rows.length === deleteBatch
        })
        published()
      }
    },
  }
}
