/** The rows of documents, each changed in one transaction with its chunks and its event. */
import { MeshError } from '@clawmesh/contracts'
import { event, newId, type Actor, type ChangeEvent, type ServiceDb, type Session, workTurn } from '@clawmesh/chassis'
import { contentHash, documentHash } from '../chunks/content-hash.ts'
import { chunkTerms } from '../chunks/terms.ts'
import type { ChunkText, WaitingChunk } from '../chunks/types.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { EntryRows } from '../entries/use-cases.ts'
import { documentLimitBytes } from './check.ts'
import type { DocumentFilter, MemoryDocument } from './types.ts'
import type { DocumentRows } from './use-cases.ts'

/** New chunks are left to who wrote them for this long; then whoever looks for chunks without a vector may take them. */
const claimMs = 120_000
/** Documents deleted in one transaction when an agent goes. */
const deleteBatch = 200
/** Chunks written by one statement: its parameters are made in one go, and a document may have thousands. */
const insertBatch = 250

interface DocumentRow {
  id: string
  agent_id: string
  user_id: string
  path: string
  content: string
  hash: string
  created_at: Date
  updated_at: Date
}

interface StoredRow extends Omit<DocumentRow, 'content'> {
  /** Where it may be another than what was sent. */
  content: string | null
  /** Of the content in UTF-8. */
  bytes: number
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

/** A document that was appended to, with the hash of its whole content, which is stored. */
const rehashed = async (session: Session, tenantId: string, document: MemoryDocument): Promise<MemoryDocument> => {
  const hash = await documentHash(document.content)
  if (hash === document.hash) return document
  await session.query('UPDATE memory.documents SET hash = $3 WHERE tenant_id = $1 AND id = $2', [
    tenantId,
    document.id,
    hash,
  ])
  return { ...document, hash }
}

const replaceChunks = async (
  session: Session,
  tenantId: string,
  document: MemoryDocument,
  texts: readonly ChunkText[],
): Promise<WaitingChunk[]> => {
  await session.query('DELETE FROM memory.chunks WHERE tenant_id = $1 AND document_id = $2', [tenantId, document.id])
  const written: WaitingChunk[] = []
  for (let from = 0; from < texts.length; from += insertBatch) {
    const batch = texts.slice(from, from + insertBatch)
    written.push(...(await insertChunks(session, tenantId, document, batch)))
  }
  return written
}

const insertChunks = async (
  session: Session,
  tenantId: string,
  { id: documentId, agentId, userId, path }: MemoryDocument,
  texts: readonly ChunkText[],
): Promise<WaitingChunk[]> => {
  const chunks = texts.map(({ text }) => ({ id: newId(), agentId, hash: contentHash(text), text }))
  const terms: string[] = []
  for (const { text } of chunks) terms.push(await workTurn(tenantId, () => chunkTerms(path, text)))
  await session.query(
    `INSERT INTO memory.chunks
       (id, start_line, end_line, part, hash, text, terms, tenant_id, agent_id, document_id, user_id, path, embed_after)
     SELECT piece.id, start_line, end_line, part, hash, text, terms::tsvector, $8::uuid, $9::uuid, $10::uuid, $11, $12,
       now() + $13 * interval '1 millisecond'
     FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[])
       AS piece (id, start_line, end_line, part, hash, text, terms)`,
    [
      chunks.map(({ id }) => id),
      texts.map(({ startLine }) => startLine),
      texts.map(({ endLine }) => endLine),
      texts.map(({ part }) => part),
      chunks.map(({ hash }) => hash),
      chunks.map(({ text }) => text),
      terms,
      tenantId,
      agentId,
      documentId,
      userId,
      path,
      claimMs,
    ],
  )
  return chunks
}

/**
 * One statement, so that two writers at once both end up in an appended document. What was sent does not come back: it may
 * be megabytes.
 */
const upsert = (append: boolean) => `
  INSERT INTO memory.documents AS d (id, tenant_id, agent_id, user_id, path, content, hash)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (tenant_id, agent_id, user_id, path) DO UPDATE SET
    content = ${append ? `CASE WHEN d.content = '' THEN EXCLUDED.content ELSE d.content || E'\\n\\n---\\n\\n' || EXCLUDED.content END` : 'EXCLUDED.content'},
    hash = EXCLUDED.hash, updated_at = now()
  RETURNING id, agent_id, user_id, path, created_at, updated_at, hash, octet_length(content) AS bytes,
    xmax = 0 AS created, ${append ? 'content' : 'NULL AS content'}`

const headFields = {
  id: true,
  agentId: true,
  userId: true,
  path: true,
  hash: true,
  createdAt: true,
  updatedAt: true,
} as const
const lastChangedFirst = [{ updatedAt: 'desc' as const }, { id: 'desc' as const }]

/** A document by its id; undefined when there is none. */
type FindDocument = (id: string) => Promise<MemoryDocument | undefined>

export const createDocumentRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): DocumentRows & EntryRows & { findById: FindDocument } => {
    const { prisma, sql, changeSql } = db.forTenant(tenantId)
    const whereOf = ({ agentIds, userIds, path }: DocumentFilter) => ({
      tenantId,
      agentId: agentIds && { in: [...agentIds] },
      path,
      userId: userIds && { in: [...userIds] },
    })
    /** The contents of documents, the first of them that fit into one answer together. */
    const contentsOf = async (ids: readonly string[]): Promise<Map<string, string>> => {
      const { rows } = await sql.query<Pick<DocumentRow, 'id' | 'content'>>(
        `SELECT id, content FROM (
           SELECT id, content, sum(octet_length(content)) OVER (ORDER BY place) AS bytes
           FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted (wanted_id, place)
           JOIN memory.documents ON tenant_id = $1 AND id = wanted_id
         ) AS d WHERE bytes <= $3`,
        [tenantId, ids, documentLimitBytes],
      )
      return new Map(rows.map(({ id, content }) => [id, content]))
    }
    /** Deletes the documents that a condition names, whose parameters follow the tenant's; their events. */
    const deleteWhere = async (session: Session, condition: string, values: unknown[], actor: Actor) => {
      const { rows } = await session.query<{ id: string }>(
        `DELETE FROM memory.documents WHERE tenant_id = $1 AND ${condition} RETURNING id`,
        [tenantId, ...values],
      )
      return rows.map(({ id }): ChangeEvent => event('memoryDocumentDeleted', { id, ...actor }))
    }
    const deleteOne = (condition: string, values: unknown[], actor: Actor) =>
      changeSql(async (session) => {
        const events = await deleteWhere(session, condition, values, actor)
        return { result: events.length > 0, events }
      })

    return {
      list: (filter) =>
        prisma.document.findMany({ where: whereOf(filter), select: headFields, orderBy: lastChangedFirst }),

      agentsWith: async (filter) => {
        const agents = await prisma.document.groupBy({ by: ['agentId'], where: whereOf(filter) })
        return agents.map(({ agentId }) => agentId)
      },

      findById: async (id) => (await prisma.document.findFirst({ where: { id, tenantId } })) ?? undefined,

      page: async (filter, { limit, offset, includeContent }) => {
        const where = whereOf(filter)
        const [documents, total] = await Promise.all([
          prisma.document.findMany({ where, select: headFields, orderBy: lastChangedFirst, take: limit, skip: offset }),
          prisma.document.count({ where }),
        ])
        if (!includeContent) return { documents, total }
        const contents = await contentsOf(documents.map(({ id }) => id))
        return { documents: documents.map((head) => ({ ...head, content: contents.get(head.id) })), total }
      },

      find: async (key) => (await prisma.document.findFirst({ where: { ...key, tenantId } })) ?? undefined,

      countChunks: async (documentId) => {
        const { rows } = await sql.query<Awaited<ReturnType<DocumentRows['countChunks']>>>(
          `SELECT count(*) AS chunks, count(dims) AS embedded, count(embed_error) AS failed,
             coalesce((array_agg(embed_error ORDER BY embed_after DESC) FILTER (WHERE embed_error IS NOT NULL))[1], '')
               AS "embedError",
             min(embed_after) FILTER (WHERE embed_error IS NOT NULL) AS "retryAt"
           FROM memory.chunks WHERE tenant_id = $1 AND document_id = $2`,
          [tenantId, documentId],
        )
        return rows[0]!
      },

      put: ({ agentId, userId, path, content }, { append, cut, actor }) =>
        changeSql(async (session) => {
          const values = [newId(), tenantId, agentId, userId, path, content, await documentHash(content)]
          const { rows } = await session.query<StoredRow>(upsert(append), values)
          const row = rows[0]!
          if (row.bytes > documentLimitBytes)
            throw new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit: documentLimitBytes })
          const document =
            row.content === null
              ? toDocument({ ...row, content })
              : await rehashed(session, tenantId, toDocument({ ...row, content: row.content }))
          const chunks = await replaceChunks(session, tenantId, document, await cut(document.content))
          return {
            result: { document, created: row.created, chunks },
            events: [event('memoryDocumentStored', { id: document.id, ...actor })],
          }
        }),

      rebuild: ({ agentId, userId, path }, cut) =>
        changeSql(async (session) => {
          const { rows } = await session.query<DocumentRow>(
            `SELECT * FROM memory.documents
             WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND path = $4 FOR UPDATE`,
            [tenantId, agentId, userId, path],
          )
          const document = rows[0] && toDocument(rows[0])
          return { result: document && (await replaceChunks(session, tenantId, document, await cut(document.content))) }
        }),

      delete: ({ agentId, userId, path }, actor) =>
        deleteOne('agent_id = $2 AND user_id = $3 AND path = $4', [agentId, userId, path], actor),

      agentOf: async (id, userIds) => {
        const found = await prisma.document.findFirst({
          where: { ...whereOf({ userIds }), id },
          select: { agentId: true },
        })
        return found?.agentId
      },

      deleteById: (id, userIds, actor) =>
        deleteOne('id = $2 AND ($3::text[] IS NULL OR user_id = ANY($3))', [id, userIds ?? null], actor),

      deleteOfAgent: async (agentId, actor) => {
        const some = `id IN (
          SELECT id FROM memory.documents WHERE tenant_id = $1 AND agent_id = $2 LIMIT ${deleteBatch}
        )`
        for (let full = true; full;)
          full = await changeSql(async (session) => {
            const events = await deleteWhere(session, some, [agentId], actor)
            return { result: events.length === deleteBatch, events }
          })
      },
    }
  }
