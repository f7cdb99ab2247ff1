/** Which providers do the work of a media tool, in which order: what is set for the agent, else for the tool, else the usual ones. */
import type { MediaProvider } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { z } from 'zod'

/** A provider and how it is asked. */
export interface Link {
  provider: MediaProvider
  /** Empty means the provider's own. */
  model: string
  timeoutMs: number
  /** In all. */
  attempts: number
  /** What else it is told, as its vendor calls it. */
  params: Record<string, unknown>
}

const mostLinks = 20
/** Seconds. */
const usualTimeout = 120
/** Jobs that make a video take minutes. */
const usualTimeouts: Partial<Record<string, number>> = { create_video: 600 }
const usualRetries = 2

const usualTimeoutOf = (tool: string): number => usualTimeouts[tool] ?? usualTimeout

const linkSchema = z.object({
  provider_id: z.string().catch(''),
  provider: z.string().catch(''),
  model: z.string().catch(''),
  enabled: z.boolean().catch(false),
  timeout: z.number().min(1).max(600).optional().catch(undefined),
  max_retries: z.int().min(0).max(5).catch(usualRetries),
  params: z.record(z.string(), z.unknown()).catch({}),
})
type LinkSetting = z.output<typeof linkSchema>

const chainSchema = z.object({ providers: z.array(z.unknown()) })
/** As older servers kept it. */
const flatSchema = z.object({ provider: z.string().min(1), model: z.string().catch('') })

const chainOf = (settings: unknown): LinkSetting[] => {
  const { data: chain } = chainSchema.safeParse(settings)
  if (chain !== undefined)
    return chain.providers
      .slice(0, mostLinks)
      .flatMap((link) => linkSchema.safeParse(link).data ?? [])
      .filter(({ enabled }) => enabled)
  const { data: flat } = flatSchema.safeParse(settings)
  return flat === undefined ? [] : [linkSchema.parse({ ...flat, enabled: true })]
}

const mediaOfAgent = z.object({ media: z.record(z.string(), z.unknown()) })

/** The chain that an agent's `tools_config` has for a tool, under `media.<tool>`. */
const ofAgent = (tool: string, toolsConfigJson: string): unknown => {
  if (toolsConfigJson === '') return undefined
  const { data } = mediaOfAgent.safeParse(JSON.parse(toolsConfigJson))
  return data !== undefined && Object.hasOwn(data.media, tool) ? data.media[tool] : undefined
}

/** The settings hold for all tenants: where the id is not one of theirs, the name may be. */
const meant = ({ provider_id: id, provider: name }: LinkSetting, known: readonly MediaProvider[]) =>
  known.find((one) => id !== '' && one.id === id) ??
  known.find((one) => one.name === name) ??
  known.find((one) => one.alias !== '' && one.alias === name)

/** What a chain is made from. */
export interface ChainParts {
  tool: string
  /** Settings of the tool. */
  settings: unknown
  /** `tools_config` of the agent; empty where there is none. */
  toolsConfigJson: string
  /** Those that can be asked, the usual ones first. */
  known: readonly MediaProvider[]
}

/** The links to try, in order. What cannot be used is left out: where the whole chain cannot, there is none. */
export const linksOf = ({ tool, settings, toolsConfigJson, known }: ChainParts): Link[] => {
  const own = chainOf(ofAgent(tool, toolsConfigJson))
  const chain = own.length > 0 ? own : chainOf(settings)
  if (chain.length === 0)
    return known
      .filter(({ byDefault }) => byDefault)
      .map((provider) => ({
        provider,
        model: provider.model,
        timeoutMs: usualTimeoutOf(tool) * 1_000,
        attempts: usualRetries + 1,
        params: {},
      }))
  return chain.flatMap((link) => {
    const provider = meant(link, known)
    if (provider === undefined) return []
    const { model, timeout, max_retries: retries, params } = link
    return [
      {
        provider,
        model: model || provider.model,
        timeoutMs: (timeout ?? usualTimeoutOf(tool)) * 1_000,
        attempts: retries + 1,
        params,
      },
    ]
  })
}
