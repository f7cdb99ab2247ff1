/** Rows that have terms and vectors, measured by the words of a question and by nearness. */
import type { Database } from '@clawmesh/chassis'
import { spaceLabel } from '../embeddings/types.ts'
import { toVector } from '../embeddings/vectors.ts'
import type { HybridRows } from './use-cases.ts'

export type HybridTable = 'memory.chunks' | 'memory.kg_entities'

/** Whose rows are searched: everybody's of an agent, or those of some owners. */
type Owners = 'all' | 'some'

/**
 * Of the searched rows `c`: those of a tenant ($1), an agent ($2) and owners ($3). Two conditions, as the kept plan of a statement that is
 * for some owners or for all would go through all rows of the agent.
 */
const inScope = (owners: Owners): string =>
  `c.tenant_id = $1 AND c.agent_id = $2 AND ${owners === 'all' ? '$3::text[] IS NULL' : 'c.user_id = ANY($3::text[])'}`

/** Rarity is judged by at most so many rows: beyond, a word is common enough. */
const mostCounted = 20_000

/** Where the nearest rows come from: nowhere, a look at each row, or a list ($11) that is known already. */
type Nearness = 'none' | 'each' | 'given'

/** The width stands in the text, so that the planner sees the condition of an index fulfilled. */
const isComparable = (dims: number): string => `c.embedding_model = $9 AND c.dims = ${Math.trunc(dims)}`

/** Rows with any of the wanted words, by what they have of them. */
const foundByWords = (table: HybridTable, owners: Owners): string => `found AS (
    SELECT c.id, c.terms FROM ${table} c WHERE ${inScope(owners)} AND c.terms @@ $7::tsquery
  ), size AS (
    SELECT count(*)::float8 AS rows FROM (SELECT 1 FROM ${table} c WHERE ${inScope(owners)} LIMIT ${mostCounted}) AS counted
  )`

/** Words and vectors are compared in one look at each row, as what a search takes is mostly getting at the rows. */
const foundByBoth = (table: HybridTable, owners: Owners, dims: number): string => `looked AS MATERIALIZED (
    SELECT c.id, CASE WHEN c.terms @@ $7::tsquery THEN c.terms END AS terms,
      CASE WHEN ${isComparable(dims)} THEN c.embedding <=> $10::vector END AS distance
    FROM ${table} c WHERE ${inScope(owners)}
  ), found AS MATERIALIZED (
    SELECT id, terms FROM looked WHERE terms IS NOT NULL
  ), size AS (
    SELECT least(count(*), ${mostCounted})::float8 AS rows FROM looked
  )`

/** The ids of the best: those of `covering`, and the nearest. */
const bestIds: Readonly<Record<Nearness, string>> = {
  none: 'SELECT id FROM covering',
  each: `SELECT id FROM covering UNION
      (SELECT id FROM looked WHERE distance IS NOT NULL ORDER BY distance LIMIT $8)`,
  given: 'SELECT id FROM covering UNION SELECT unnest($11::uuid[])',
}

interface Statement {
  table: HybridTable
  /** What is told of a found row `c`, its id among it. */
  columns: string
  owners: Owners
  nearness: Nearness
  dims: number
}

/**
 * A word that few rows have counts for more: ln(1 + (N - n + 0.5) / (n + 0.5)), as in BM25 (Robertson, Zaragoza, "The
 * Probabilistic Relevance Framework", 2009). One that no row has counts half as much as the rarest, as it may be a
 * spelling.
 */
const measureSql = ({ table, columns, owners, nearness, dims }: Statement): string => `
  WITH alternatives AS (
    SELECT * FROM unnest($4::text[]::tsquery[], $5::int[], $6::float8[]) AS a (query, wanted, weight)
  ), ${nearness === 'each' ? foundByBoth(table, owners, dims) : foundByWords(table, owners)}, hits AS MATERIALIZED (
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
  SELECT ${columns}, coalesce(covering.coverage, 0) AS coverage,
    ${nearness === 'none' ? 'NULL::float8' : `CASE WHEN ${isComparable(dims)} THEN 1 - (c.embedding <=> $10::vector) END`} AS cosine
  FROM (${bestIds[nearness]}) AS best
    JOIN ${table} c ON c.id = best.id AND ${inScope(owners)} LEFT JOIN covering ON covering.id = best.id`

/** Ids of the chunks nearest to a vector ($6), at most $5, by the index of their width. */
export const nearestSql = (type: string, dims: number): string => `
  SELECT c.id FROM memory.chunks c
  WHERE c.tenant_id = $1 AND c.agent_id = $2 AND ($3::text[] IS NULL OR c.user_id = ANY($3))
    AND c.embedding_model = $4 AND c.dims = ${Math.trunc(dims)}
  ORDER BY c.embedding::${type} <=> $6::${type} LIMIT $5`

/** What matches any of some queries; whose beginning is looked for need not be looked for as it is. */
const anyOf = (queries: readonly string[]): string => {
  const all = new Set(queries)
  return [...all].filter((query) => !all.has(`${query}:*`)).join(' | ')
}

/** @param columns what is told of a found row, its `id` among it, as SQL over `c` */
export const createHybridRows =
  <Row extends object>({ forTenant }: Pick<Database, 'forTenant'>, table: HybridTable, columns: string) =>
  (tenantId: string): HybridRows<Row> => {
    const { prepared } = forTenant(tenantId)
    return {
      measure: async ({ agentId, userIds, limit }, { wanted, nearTo, near }) => {
        const alternatives = wanted.flatMap((ways, index) => ways.map((way) => ({ ...way, index })))
        const nearness = nearTo === undefined ? 'none' : near === undefined ? 'each' : 'given'
        const owners = userIds === undefined ? 'all' : 'some'
        const dims = nearTo?.space.dims ?? 0
        const { rows } = await prepared<Row & { id: string; coverage: number; cosine: number | null }>(
          `measure ${table} ${owners} ${nearness} ${dims}`,
          measureSql({ table, columns, owners, nearness, dims }),
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
        return rows.map((row) => ({ ...row, cosine: row.cosine ?? undefined }))
      },
    }
  }
