/**
 * Looks for words in traces. It walks from the newest on, along the index of their time, and not far: under row-level security
 * no index of texts could be used (docs/adr/0008), so a search costs what is looked at.
 */
import { likePattern, type ScopedDb } from '@clawmesh/chassis'
import type { TraceFilter, TracePlace } from '../port.ts'

const lookedAtMost = 5_000
/** Characters of a preview. */
const lookedInto = 2_000

const texts = `concat_ws(' ', name, error, left(input_preview, ${lookedInto}), left(output_preview, ${lookedInto}))`

/** One row always. */
const searchSql = `
  WITH looked AS MATERIALIZED (
    SELECT id, created_at, name, error, input_preview, output_preview FROM traces.traces
    WHERE tenant_id = $1::uuid
      AND ($2::timestamptz IS NULL OR created_at >= $2::timestamptz)
      AND ($3::timestamptz IS NULL OR created_at < $3::timestamptz)
      AND ($4::timestamptz IS NULL OR (created_at, id) < ($4::timestamptz, $5::uuid))
      AND ($6::uuid IS NULL OR agent_id = $6::uuid) AND ($7::text IS NULL OR user_id = $7)
      AND ($8::text IS NULL OR session_key = $8) AND ($9::text IS NULL OR status = $9)
      AND ($10::text IS NULL OR channel = $10) AND ($11::text IS NULL OR $11 = ANY (tags))
    ORDER BY created_at DESC, id DESC LIMIT ${lookedAtMost}),
  matched AS (SELECT id, created_at FROM looked WHERE ${texts} ILIKE ALL ($12::text[])),
  page AS (SELECT id, created_at FROM matched ORDER BY created_at DESC, id DESC LIMIT $13::int OFFSET $14::bigint)
  SELECT (SELECT count(*) FROM matched) AS total, (SELECT count(*) FROM looked) AS looked,
    ARRAY (SELECT id::text FROM page) AS found, of_page.*, of_looked.*
  FROM (SELECT) AS one
  LEFT JOIN LATERAL (
    SELECT created_at AS "pageTime", id AS "pageId" FROM page ORDER BY created_at, id LIMIT 1) AS of_page ON true
  LEFT JOIN LATERAL (
    SELECT created_at AS "lookedTime", id AS "lookedId" FROM looked ORDER BY created_at, id LIMIT 1) AS of_looked ON true`

interface Row {
  total: number
  looked: number
  found: string[]
  pageTime: Date | null
  pageId: string | null
  lookedTime: Date | null
  lookedId: string | null
}

const placeOf = (createdAt: Date | null, id: string | null): TracePlace | undefined =>
  createdAt === null || id === null ? undefined : { createdAt, id }

export const createTraceSearch =
  (tenantId: string, sql: ScopedDb) =>
  async (filter: TraceFilter): Promise<{ found: string[]; total: number; last: TracePlace | undefined }> => {
    const { from, to, after, agentId, userId, sessionKey, status, channel, tag, words, limit, offset } = filter
    const times = [from, to, after?.createdAt].map((time) => time?.toISOString())
    const exact = [...times, after?.id, agentId, userId, sessionKey, status, channel, tag].map((value) => value ?? null)
    const patterns = words.map((word) => `%${likePattern(word)}%`)
    const { rows } = await sql.query<Row>(searchSql, [tenantId, ...exact, patterns, limit, offset])
    const { found, total, looked, ...ends } = rows[0]!
    const isCut = found.length === limit && offset + limit < total
    const isLookedThrough = looked < lookedAtMost
    return {
      found,
      total,
      last: isCut
        ? placeOf(ends.pageTime, ends.pageId)
        : isLookedThrough
          ? undefined
          : placeOf(ends.lookedTime, ends.lookedId),
    }
  }
