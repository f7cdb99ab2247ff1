/** Model calls that tools make to do their work: what they used is the run's. */
import { readingTools } from '@clawmesh/contracts'
import { z } from 'zod'
import type { InnerCall } from './spans.ts'

const readers: ReadonlySet<string> = new Set(readingTools)

const tokens = z.int().min(0).max(1_000_000_000)
const innerCall = z.object({
  provider: z.string().min(1).max(50),
  model: z.string().min(1).max(200),
  usage: z
    .object({
      ...{ inputTokens: tokens, outputTokens: tokens, cacheReadTokens: tokens },
      ...{ cacheCreationTokens: tokens, thinkingTokens: tokens },
    })
    .optional(),
})

/** What a tool says in the metadata of its result. Undefined where it asked no model, or does not say which. */
export const innerCallOf = (tool: string, metadataJson = ''): InnerCall | undefined => {
  if (!readers.has(tool) || metadataJson === '') return undefined
  return innerCall.safeParse(JSON.parse(metadataJson)).data
}
