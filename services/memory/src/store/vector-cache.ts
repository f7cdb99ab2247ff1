/** Vectors of texts that were embedded before, by their hash. */
import type { Database } from '@clawmesh/chassis'
import type { EmbeddingSpace } from '../domain/types.ts'
import { fromVector, toVector } from './vectors.ts'

const writeBatch = 100

export const createVectorCache = (database: Database) => (tenantId: string) => {
  const { query } = database.forTenant(tenantId)
  return {
    /** The known vectors among these hashes. */
    find: async (space: EmbeddingSpace, hashes: readonly string[]): Promise<Map<string, readonly number[]>> => {
      const { rows } = await query<{ hash: string; embedding: string }>(
        `SELECT hash, embedding::text AS embedding FROM memory.embedding_cache
         WHERE tenant_id = $1 AND provider = $2 AND model = $3 AND dims = $4 AND hash = ANY($5)`,
        [tenantId, space.provider, space.model, space.dims, hashes],
      )
      return new Map(rows.map(({ hash, embedding }) => [hash, fromVector(embedding)]))
    },

    add: async (space: EmbeddingSpace, vectors: ReadonlyMap<string, readonly number[]>): Promise<void> => {
      const entries = [...vectors]
      for (let from = 0; from < entries.length; from += writeBatch) {
        const batch = entries.slice(from, from + writeBatch)
        await query(
          `INSERT INTO memory.embedding_cache (tenant_id, provider, model, dims, hash, embedding)
           SELECT $1::uuid, $2, $3, $4::int, v.hash, v.embedding::vector
           FROM unnest($5::text[], $6::text[]) AS v (hash, embedding)
           ON CONFLICT (tenant_id, hash, provider, model)
           DO UPDATE SET embedding = EXCLUDED.embedding, dims = EXCLUDED.dims, created_at = now()`,
          [
            tenantId,
            space.provider,
            space.model,
            space.dims,
            batch.map(([hash]) => hash),
            batch.map(([, v]) => toVector(v)),
          ],
        )
      }
    },
  }
}

const pruneBatch = 1_000

/** Forgets vectors of all tenants that are older than some days, little by little; how many went. */
export const pruneVectorCache = async ({ system }: Database, days: number): Promise<number> => {
  let gone = 0
  for (let full = true; full;) {
    const { rowCount } = await system.query(
      `DELETE FROM memory.embedding_cache WHERE (tenant_id, hash, provider, model) IN (
         SELECT tenant_id, hash, provider, model FROM memory.embedding_cache
         WHERE created_at < now() - $1 * interval '1 day' ORDER BY created_at LIMIT ${pruneBatch}
       )`,
      [days],
    )
    gone += rowCount ?? 0
    full = rowCount === pruneBatch
  }
  return gone
}
