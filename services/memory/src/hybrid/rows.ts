/** Rows that have terms and vectors, found by the words of a question and by nearness. */
import type { Database } from '@clawmesh/chassis'
import { spaceLabel } from '../embeddings/types.ts'
import { toVector } from '../embeddings/vectors.ts'
import type { Wanted } from '../text/question.ts'
import type { HybridRows } from './use-cases.ts'
import type { Scope, VectorQuery } from './types.ts'

export type HybridTable = 'memory.chunks' | 'memory.kg_entities'

/** Of the searched rows `c`: those of a tenant ($1), an agent ($2) and some owners ($3). */
const inScope = 'c.tenant_id = $1 AND c.agent_id = $2 AND ($3::text[] IS NULL OR c.user_id = ANY($3))'

/** Rarity is judged by at most so many rows: beyond, a word is common enough. */
const mostCounted = 20_000

/**
 * A word that few rows have counts for more: ln(1 + (N - n + 0.5) / (n + 0.5)), as in BM25 (Robertson, Zaragoza, "The
 * Probabilistic Relevance Framework", 2009). One that no row has counts half as much as the rarest, as it may be a
 * spelling.
 */
const coverageSql = (table: HybridTable) => `
  WITH alternatives AS (
    SELECT * FROM unnest($4::text[]::tsquery[], $5::int[], $6::float8[]) AS a (query, wanted, weight)
  ), found AS (
    SELECT c.id, c.terms FROM ${table} c WHERE ${inScope} AND c.terms @@ $7::tsquery
  ), hits AS MATERIALIZED (
    SELECT c.id, a.wanted, max(a.weight) AS weight FROM found c JOIN alternatives a ON c.terms @@ a.query
    GROUP BY c.id, a.wanted
  ), size AS (
    SELECT count(*)::float8 AS rows FROM (SELECT 1 FROM ${table} c WHERE ${inScope} LIMIT ${mostCounted}) AS counted
  ), rarities AS (
    SELECT w.wanted, ln(1 + (greatest(size.rows, n.rows) - n.rows + 0.5) / (n.rows + 0.5))
      * CASE WHEN n.rows = 0 THEN 0.5 ELSE 1 END AS rarity
    FROM (SELECT DISTINCT wanted FROM alternatives) AS w, size,
      LATERAL (SELECT count(*)::float8 AS rows FROM hits WHERE hits.wanted = w.wanted) AS n
  )
  SELECT hits.id, sum(hits.weight * r.rarity) / nullif((SELECT sum(rarity) FROM rarities), 0) AS coverage
  FROM hits JOIN rarities r ON r.wanted = hits.wanted
  GROUP BY hits.id ORDER BY coverage DESC, hits.id LIMIT $8`

/** The width stands in the text, so that the planner sees the condition of an index fulfilled. */
export const nearestSql = (table: HybridTable, type: string, dims: number) => `
  SELECT id, 1 - distance AS cosine FROM (
    SELECT c.id, c.embedding::${type} <=> $6::${type} AS distance FROM ${table} c
    WHERE ${inScope} AND c.embedding_model = $4 AND c.dims = ${Math.trunc(dims)}
    ORDER BY distance LIMIT $5
  ) AS near`

export const nearestParameters = (
  tenantId: string,
  { agentId, userIds, limit }: Scope,
  { space, vector }: VectorQuery,
): unknown[] => [tenantId, agentId, userIds ?? null, spaceLabel(space), limit, toVector(vector)]

export const createHybridRows =
  ({ forTenant }: Database, table: HybridTable) =>
  (tenantId: string): HybridRows => {
    const { query: run } = forTenant(tenantId)
    return {
      covering: async ({ agentId, userIds, limit }, wanted: readonly Wanted[]) => {
        const alternatives = wanted.flatMap((ways, index) => ways.map((way) => ({ ...way, index })))
        const { rows } = await run<{ id: string; coverage: number }>(coverageSql(table), [
          tenantId,
          agentId,
          userIds ?? null,
          alternatives.map(({ query }) => query),
          alternatives.map(({ index }) => index),
          alternatives.map(({ weight }) => weight),
          alternatives.map(({ query }) => query).join(' | '),
          limit,
        ])
        return rows
      },

      nearest: async (scope, query) => {
        const sql = nearestSql(table, 'vector', query.space.dims)
        return (await run<{ id: string; cosine: number }>(sql, nearestParameters(tenantId, scope, query))).rows
      },

      cosines: async (ids, { space, vector }) => {
        const { rows } = await run<{ id: string; cosine: number }>(
          `SELECT c.id, 1 - (c.embedding <=> $5::vector) AS cosine FROM ${table} c
           WHERE c.tenant_id = $1 AND c.id = ANY($2) AND c.embedding_model = $3 AND c.dims = $4`,
          [tenantId, ids, spaceLabel(space), space.dims, toVector(vector)],
        )
        return rows
      },
    }
  }
