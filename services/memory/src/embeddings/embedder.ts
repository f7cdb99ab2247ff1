/** Vectors from the tenant's embedding provider, or from the built-in embedder where there is none. */
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { detached, type Call, type Mesh } from '@clawmesh/chassis'
import type { BuiltIn } from './built-in.ts'
import type { Embedder, EmbeddingSpace, EmbeddingWish } from './types.ts'

/** pgvector stores no vector wider than this. */
const widest = 16_000

/** A vector that can be stored and compared: finite in single precision, and not zero, as that has no direction. */
const usable = (values: readonly number[], dims: number): readonly number[] | undefined => {
  const fits = values.length === dims && values.every((value) => Number.isFinite(Math.fround(value)))
  return fits && values.some((value) => Math.fround(value) !== 0) ? values : undefined
}

export const createEmbedder = (mesh: Mesh, builtIn: BuiltIn): Embedder => {
  const providers = mesh.client(ProvidersServiceService)
  const spaces = mesh.cache<EmbeddingSpace>(['providers', 'system_configs'], 1_000)

  const ask = async (call: Call, texts: readonly string[], { provider, model }: EmbeddingWish, fromRows: boolean) => {
    const answer = await providers.embed(call, { texts: [...texts], provider, model, dimensions: 0, fromRows })
    if (!answer.configured) return { space: builtIn.space, vectors: [...(await builtIn.embed(texts, call.signal))] }
    const dims = answer.vectors[0]?.values.length ?? 0
    if (dims === 0 || dims > widest) throw new Error(`provider ${answer.provider} gave vectors of width ${dims}`)
    return {
      space: { provider: answer.provider, model: answer.model, dims },
      vectors: texts.map((_, index) => usable(answer.vectors[index]?.values ?? [], dims)),
    }
  }

  return {
    embed: (call, texts, wish) => ask(call, texts, wish, false),
    spaceOf: async (call, wish) => {
      const key = JSON.stringify([wish.provider, wish.model])
      // Only an answer says which model gives it, so a short text is embedded.
      const load = async () => (await ask(detached(call), ['memory'], wish, true)).space
      return (await spaces.get(call.caller.tenantId, key, load))!
    },
    clearSpaces: spaces.clear,
  }
}
