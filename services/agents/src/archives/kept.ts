/** Archives that wait in the database for whoever has their token, on any replica (docs/adr/0028). */
import { randomUUID } from 'node:crypto'
import { newId, notePassing, sha256Hex, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'

/** The database gives bytes as a text that is longer by a third: that much is garbage of the young generation, and gone at once. */
const partBytes = 49_152
/** How long a token is good for. */
export const waitsMs = 300_000
/** What a user has waiting beyond this makes room. */
const mostOfUser = 3

export interface KeptArchive {
  id: string
  agentId: string
  userId: string
  fileName: string
  size: number
}

/** Bytes in pieces of `partBytes`, the last one shorter. */
const inParts = async function* (bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let size = 0
  for await (const piece of bytes) {
    held.push(piece)
    size += piece.length
    if (size < partBytes) continue
    const whole = Buffer.concat(held)
    let from = 0
    for (; from + partBytes <= whole.length; from += partBytes) yield whole.subarray(from, from + partBytes)
    held = [whole.subarray(from)]
    size = whole.length - from
  }
  if (size > 0) yield Buffer.concat(held)
}

export const createKeptArchives = (db: ServiceDb<PrismaClient>) => (tenantId: string) => {
  const { sql } = db.forTenant(tenantId)

  const remove = async (id: string): Promise<void> => {
    await sql.query('DELETE FROM agents.archives WHERE id = $1 AND tenant_id = $2', [id, tenantId])
  }

  return {
    /** Makes room for one, of which there is nothing yet; the oldest of its user goes where there are too many. */
    begin: async (archive: Omit<KeptArchive, 'id' | 'size'>): Promise<{ id: string; token: string }> => {
      const [id, token] = [newId(), randomUUID()]
      const { agentId, userId, fileName } = archive
      await sql.query(
        `INSERT INTO agents.archives (id, tenant_id, agent_id, user_id, token_hash, file_name) VALUES ($1, $2, $3, $4, $5, $6)`,
        [id, tenantId, agentId, userId, sha256Hex(token), fileName],
      )
      await sql.query(
        `DELETE FROM agents.archives WHERE tenant_id = $1 AND id IN (
           SELECT id FROM agents.archives WHERE tenant_id = $1 AND user_id = $2 ORDER BY created_at DESC, id DESC OFFSET ${mostOfUser})`,
        [tenantId, userId],
      )
      return { id, token }
    },

    /** Adds a piece to an archive that a user is making. False when there is no such archive. */
    append: async (id: string, userId: string, seq: number, piece: Buffer): Promise<boolean> => {
      const { rowCount } = await sql.query(
        `INSERT INTO agents.archive_parts (archive_id, seq, tenant_id, bytes)
         SELECT id, $3, tenant_id, $4 FROM agents.archives
         WHERE id = $1 AND tenant_id = $2 AND user_id = $5 AND expires_at IS NULL`,
        [id, tenantId, seq, piece, userId],
      )
      return rowCount === 1
    },

    /** Makes an archive of so many appended pieces ready to be fetched for `waitsMs`. */
    finish: async (id: string, parts: number): Promise<void> => {
      await sql.query(
        `UPDATE agents.archives SET parts = $3, expires_at = now() + $4::float8 * interval '1 millisecond',
           size = (SELECT sum(length(bytes)) FROM agents.archive_parts WHERE archive_id = $1 AND tenant_id = $2)
         WHERE id = $1 AND tenant_id = $2`,
        [id, tenantId, parts, waitsMs],
      )
    },

    /** Stores the bytes of one, which can then be fetched for `waitsMs`; how many there were. @throws what they throw */
    store: async (id: string, bytes: AsyncIterable<Buffer>): Promise<number> => {
      let parts = 0
      let size = 0
      try {
        for await (const part of inParts(bytes)) {
          await sql.query(
            'INSERT INTO agents.archive_parts (archive_id, seq, tenant_id, bytes) VALUES ($1, $2, $3, $4)',
            [id, parts++, tenantId, part],
          )
          size += part.length
        }
      } catch (thrown) {
        await remove(id)
        throw thrown
      }
      await sql.query(
        `UPDATE agents.archives SET size = $3, parts = $4, expires_at = now() + $5::float8 * interval '1 millisecond'
         WHERE id = $1 AND tenant_id = $2`,
        [id, tenantId, size, parts, waitsMs],
      )
      return size
    },

    /** The archive that a token fetches, while it does. */
    find: async (token: string): Promise<KeptArchive | undefined> => {
      const { rows } = await sql.query<KeptArchive>(
        `SELECT id, agent_id AS "agentId", user_id AS "userId", file_name AS "fileName", size FROM agents.archives a
         WHERE token_hash = $1 AND tenant_id = $2 AND spent_at IS NULL AND expires_at > now()
           AND parts = (SELECT count(*) FROM agents.archive_parts WHERE archive_id = a.id AND tenant_id = $2)`,
        [sha256Hex(token), tenantId],
      )
      return rows[0]
    },

    /** Spends the token of an archive; false where somebody else has. */
    spend: async (id: string): Promise<boolean> => {
      const { rowCount } = await sql.query(
        'UPDATE agents.archives SET spent_at = now() WHERE id = $1 AND tenant_id = $2 AND spent_at IS NULL',
        [id, tenantId],
      )
      return rowCount === 1
    },

    /** The bytes of an archive, which is gone afterwards. */
    fetch: async function* (id: string): AsyncGenerator<Buffer> {
      try {
        for (let seq = 0; ; seq++) {
          // As base64, which is two thirds of what the driver would ask for.
          const { rows } = await sql.query<{ base64: string }>(
            `SELECT encode(bytes, 'base64') AS base64 FROM agents.archive_parts
             WHERE archive_id = $1 AND seq = $2 AND tenant_id = $3`,
            [id, seq, tenantId],
          )
          if (rows[0] === undefined) return
          const piece = Buffer.from(rows[0].base64, 'base64')
          notePassing(piece)
          yield piece
        }
      } finally {
        await remove(id)
      }
    },

    /** Removes one, unless it is being fetched and that is spared. */
    remove: async (id: string, { spareFetched }: { spareFetched: boolean }): Promise<void> => {
      await sql.query('DELETE FROM agents.archives WHERE id = $1 AND tenant_id = $2 AND (spent_at IS NULL OR NOT $3)', [
        id,
        tenantId,
        spareFetched,
      ])
    },
  }
}

export type KeptArchivesOf = ReturnType<typeof createKeptArchives>
