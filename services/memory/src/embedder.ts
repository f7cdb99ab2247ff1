/** Vectors from the tenant's embedding provider, or from the built-in embedder where there is none. */
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { detached, type Mesh } from '@clawmesh/chassis'
import { featureHash, featureHashingSpace } from './domain/feature-hashing.ts'
import type { Embedder } from './domain/ports.ts'
import type { EmbeddingSpace } from './domain/types.ts'

/** pgvector stores no vector wider than this. */
const widest = 16_000

/** A vector that can be stored and compared: finite in single precision, and not zero, as that has no direction. */
const usable = (values: readonly number[], dims: number): readonly number[] | undefined => {
  const fits = values.length === dims && values.every((value) => Number.isFinite(Math.fround(value)))
  return fits && values.some((value) => Math.fround(value) !== 0) ? values : undefined
}

export const embedder = (mesh: Mesh): Embedder => {
  const providers = mesh.client(ProvidersServiceService)
  const spaces = mesh.cache<EmbeddingSpace>('providers', 1_000)

  const embed: Embedder['embed'] = async (call, texts, { provider, model }) => {
    const answer = await providers.embed(call, { texts: [...texts], provider, model, dimensions: 0 })
    if (!answer.configured) return { space: featureHashingSpace, vectors: texts.map(featureHash) }
    const dims = answer.vectors[0]?.values.length ?? 0
    if (dims === 0 || dims > widest) throw new Error(`provider ${answer.provider} gave vectors of width ${dims}`)
    return {
      space: { provider: answer.provider, model: answer.model, dims },
      vectors: texts.map((_, index) => usable(answer.vectors[index]?.values ?? [], dims)),
    }
  }

  return {
    embed,
    spaceOf: async (call, wish) => {
      const key = JSON.stringify([wish.provider, wish.model])
      // Only an answer tells which model gives it, so a short text is embedded.
      const load = async () => (await embed(detached(call), ['memory'], wish)).space
      return (await spaces.get(call.caller.tenantId, key, load))!
    },
    forgetSpaces: spaces.clear,
  }
}
