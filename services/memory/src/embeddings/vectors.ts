/** Vectors as pgvector reads and writes them. */

export const toVector = (values: readonly number[]): string => `[${values.join(',')}]`
export const fromVector = (text: string): number[] => JSON.parse(text) as number[]

/** pgvector's limits for an HNSW index: single precision up to 2000 components, half precision up to 4000. */
const widestSingle = 2_000
const widestHalf = 4_000

/** Whether an index over vectors of a width can exist. */
export const isIndexable = (dims: number): boolean => dims <= widestHalf

/** The type of an index over vectors of a width, and its operator class. */
export const indexType = (dims: number): { type: string; operators: string } =>
  dims <= widestSingle
    ? { type: `vector(${dims})`, operators: 'vector_cosine_ops' }
    : { type: `halfvec(${dims})`, operators: 'halfvec_cosine_ops' }

/** The index over all vectors of a width, in the schema of memory. */
export const vectorIndexName = (dims: number): string => `chunks_embedding_hnsw_${dims}`
