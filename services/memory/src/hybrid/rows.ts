/** Rows that have terms and vectors, measured by the words of a question and by nearness. */
import type { Database } from '@clawmesh/chassis'
import { spaceLabel } from '../embeddings/types.ts'
import { toVector } from '../embeddings/vectors.ts'
import type { HybridRows } from './use-cases.ts'

export type HybridTable = 'memory.chunks' | 'memory.kg_entities'

/** Of the searched rows `c`: those of a tenant ($1), an agent ($2) and some owners ($3). */
const inScope = 'c.tenant_id = $1 AND c.agent_id = $2 AND ($3::text[] IS NULL OR c.user_id = ANY($3))'

/** Rarity is judged by at most so many rows: beyond, a word is common enough. */
const mostCounted = 20_000

/** Where the nearest rows come from: nowhere, a look at each row, or a list ($11) that is known already. */
type Nearness = 'none' | 'each' | 'given'

/** The width stands in the text, so that the planner sees the condition of an index fulfilled. */
const isComparable = (dims: number): string => `c.embedding_model = $9 AND c.dims = ${Math.trunc(dims)}`

/** Rows with any of the wanted words, by what they have of them. */
const foundByWords = (table: HybridTable): string => `found AS (
    SELECT c.id, c.terms FROM ${table} c WHERE ${inScope} AND c.terms @@ $7::tsquery
  ), size AS (
    SELECT count(*)::float8 AS rows FROM (SELECT 1 FROM ${table} c WHERE ${inScope} LIMIT ${mostCounted}) AS counted
  )`

/** Words and vectors are compared in one look at each row, as what a search takes is mostly getting at the rows. */
const foundByBoth = (table: HybridTable, dims: number): string => `looked AS MATERIALIZED (
    SELECT c.id, CASE WHEN c.terms @@ $7::tsquery THEN c.terms END AS terms,
      CASE WHEN ${isComparable(dims)} THEN c.embedding <=> $10::vector END AS distance
    FROM ${table} c WHERE ${inScope}
  ), found AS MATERIALIZED (
    SELECT id, terms FROM looked WHERE terms IS NOT NULL
  ), size AS (
    SELECT least(count(*), ${mostCounted})::float8 AS rows FROM looked
  )`

/** The best by words in `covering`, and the nearest. */
const measured = (table: HybridTable, nearness: Nearness, dims: number): string => {
  if (nearness === 'none') return 'SELECT id, coverage, NULL::float8 AS cosine FROM covering'
  if (nearness === 'each')
    return `SELECT looked.id, coalesce(covering.coverage, 0) AS coverage, 1 - looked.distance AS cosine
      FROM (
        SELECT id FROM covering UNION
        (SELECT id FROM looked WHERE distance IS NOT NULL ORDER BY distance LIMIT $8)
      ) AS best JOIN looked ON looked.id = best.id LEFT JOIN covering ON covering.id = best.id`
  return `SELECT c.id, coalesce(covering.coverage, 0) AS coverage,
      CASE WHEN ${isComparable(dims)} THEN 1 - (c.embedding <=> $10::vector) END AS cosine
    FROM (SELECT id FROM covering UNION SELECT unnest($11::uuid[])) AS best
      JOIN ${table} c ON c.id = best.id AND ${inScope} LEFT JOIN covering ON covering.id = best.id`
}

/**
 * A word that few rows have counts for more: ln(1 + (N - n + 0.5) / (n + 0.5)), as in BM25 (Robertson, Zaragoza, "The
 * Probabilistic Relevance Framework", 2009). One that no row has counts half as much as the rarest, as it may be a
 * spelling.
 */
const measureSql = (table: HybridTable, nearness: Nearness, dims: number) => `
  WITH alternatives AS (
    SELECT * FROM unnest($4::text[]::tsquery[], $5::int[], $6::float8[]) AS a (query, wanted, weight)
  ), ${nearness === 'each' ? foundByBoth(table, dims) : foundByWords(table)}, hits AS MATERIALIZED (
    SELECT c.id, a.wanted, max(a.weight) AS weight FROM found c JOIN alternatives a ON c.terms @@ a.query
    GROUP BY c.id, a.wanted
  ), rarities AS (
    SELECT w.wanted, ln(1 + (greatest(size.rows, n.rows) - n.rows + 0.5) / (n.rows + 0.5))
      * CASE WHEN n.rows = 0 THEN 0.5 ELSE 1 END AS rarity
    FROM (SELECT DISTINCT wanted FROM alternatives) AS w, size,
      LATERAL (SELECT count(*)::float8 AS rows FROM hits WHERE hits.wanted = w.wanted) AS n
  ), covering AS (
    SELECT hits.id, sum(hits.weight * r.rarity) / nullif((SELECT sum(rarity) FROM rarities), 0) AS coverage
    FROM hits JOIN rarities r ON r.wanted = hits.wanted
    GROUP BY hits.id ORDER BY coverage DESC, hits.id LIMIT $8
  )
  ${measured(table, nearness, dims)}`

/** Ids of the chunks nearest to a vector ($6), at most $5, by the index of their width. */
export const nearestSql = (type: string, dims: number) => `
  SELECT c.id FROM memory.chunks c
  WHERE ${inScope} AND c.embedding_model = $4 AND c.dims = ${Math.trunc(dims)}
  ORDER BY c.embedding::${type} <=> $6::${type} LIMIT $5`

/** What matches any of some queries; whose beginning is looked for need not be looked for as it is. */
const anyOf = (queries: readonly string[]): string => {
  const all = new Set(queries)
  return [...all].filter((query) => !all.has(`${query}:*`)).join(' | ')
}

export const createHybridRows =
  ({ forTenant }: Database, table: HybridTable) =>
  (tenantId: string): HybridRows => {
    const { query: run } = forTenant(tenantId)
    return {
      measure: async ({ agentId, userIds, limit }, { wanted, nearTo, near }) => {
        const alternatives = wanted.flatMap((ways, index) => ways.map((way) => ({ ...way, index })))
        const nearness = nearTo === undefined ? 'none' : near === undefined ? 'each' : 'given'
        const { rows } = await run<{ id: string; coverage: number; cosine: number | null }>(
          measureSql(table, nearness, nearTo?.space.dims ?? 0),
          [
            ...[tenantId, agentId, userIds ?? null],
            alternatives.map(({ query }) => query),
            alternatives.map(({ index }) => index),
            alternatives.map(({ weight }) => weight),
            anyOf(alternatives.map(({ query }) => query)),
            limit,
            ...(nearTo === undefined ? [] : [spaceLabel(nearTo.space), toVector(nearTo.vector)]),
            ...(nearness === 'given' ? [near] : []),
          ],
        )
        return rows.map(({ cosine, ...row }) => ({ ...row, cosine: cosine ?? undefined }))
      },
    }
  }
