/** How much of a conversation an agent is shown: its compaction and pruning settings, each with its default. */
import { perObject } from '@clawmesh/chassis'
import { z } from 'zod'
import type { Agent } from '../agents/types.ts'

/** Rough, and what all limits below are counted with; a provider's own count goes before it where there is one. */
export const charsPerToken = 4

/** A setting that makes no sense counts as not set. */
const share = (fallback: number) => z.number().min(0).max(1).catch(fallback).default(fallback)
const count = (fallback: number, least = 0) =>
  z.number().int().min(least).max(1_000_000).catch(fallback).default(fallback)
const isOn = z.boolean().catch(true).default(true)
const ownText = (limit: number) => z.string().max(limit).catch('').default('')

const compactionSettings = z.object({
  /** Part of the window that the conversation may take. */
  maxHistoryShare: share(0.85)
    .refine((value) => value > 0)
    .catch(0.85),
  /** Messages that no summary swallows. */
  keepLastMessages: count(4, 1),
  memoryFlush: z.object({ enabled: isOn, prompt: ownText(20_000), systemPrompt: ownText(20_000) }).prefault({}),
})

const pruningSettings = z.object({
  mode: z.string().catch('').default(''),
  /** Assistant messages from whose oldest on nothing is pruned. */
  keepLastAssistants: count(3),
  softTrimRatio: share(0.25),
  hardClearRatio: share(0.5),
  minPrunableToolChars: count(50_000),
  softTrim: z.object({ maxChars: count(3_000), headChars: count(1_500), tailChars: count(1_500) }).prefault({}),
  hardClear: z.object({ enabled: isOn, placeholder: ownText(1_000) }).prefault({}),
})

export type PruningSettings = z.output<typeof pruningSettings>

export interface ContextSettings {
  /** The window of the agent's model, tokens. */
  windowTokens: number
  /** What the conversation may take of it, tokens. */
  budgetTokens: number
  compaction: z.output<typeof compactionSettings>
  pruning: PruningSettings
}

/** A reader of settings as an agent has them, each object once: a cached agent's are read at every turn. */
const createReader = <T extends z.ZodType<object>>(schema: T): ((value: object | null) => z.output<T>) => {
  const defaults = schema.parse({})
  const read = perObject((value: object): z.output<T> => {
    const { success, data } = schema.safeParse(value)
    return success ? data : defaults
  })
  return (value) => (value === null ? defaults : read(value))
}

const compactionOf = createReader(compactionSettings)
const pruningOf = createReader(pruningSettings)

export const contextSettingsOf = ({
  contextWindow: windowTokens,
  compactionConfig,
  contextPruning,
}: Pick<Agent, 'contextWindow' | 'compactionConfig' | 'contextPruning'>): ContextSettings => {
  const compaction = compactionOf(compactionConfig)
  return {
    windowTokens,
    budgetTokens: Math.floor(windowTokens * compaction.maxHistoryShare),
    compaction,
    pruning: pruningOf(contextPruning),
  }
}

/** Of what a provider counts, no more than this is ascribed to prompt and tools. */
export const mostOverheadTokens = (windowTokens: number): number => Math.floor(windowTokens * 0.4)
