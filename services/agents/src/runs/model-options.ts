/** How a run asks its model: what the request wants, within what the agent is configured for. */
import type {
  ChatOptions,
  ModelRef,
  Routing,
  Sampling,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { fallbackChain } from '@clawmesh/contracts'
import { poolRoutingOf } from '../agents/pool-routing.ts'
import type { Agent } from '../agents/types.ts'
import type { ClientTools, RunOptions } from './types.ts'

const defaultMaxTokens = 8_192

/** The agent's own limit holds for requests too; where it sets none, they say what they want. */
const maxTokensOf = ({ otherConfig }: Agent, wanted: number | undefined): number => {
  const configured = Number(otherConfig['max_tokens']) || undefined
  return Math.min(configured ?? wanted ?? defaultMaxTokens, wanted ?? Infinity)
}

type ReasoningWish = Pick<
  ChatOptions,
  'reasoningEffort' | 'reasoningSource' | 'reasoningFallback' | 'inheritsReasoning'
>

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** How hard an agent wants its model to think (contract notes providers-mcp.md 8). */
const reasoningOf = ({ otherConfig }: Agent): ReasoningWish => {
  const reasoning = otherConfig['reasoning'] as Record<string, unknown> | null | undefined
  if (reasoning?.['override_mode'] === 'inherit') return { reasoningEffort: '', inheritsReasoning: true }
  const effort = textOf(reasoning?.['effort'])
  const fallback = textOf(reasoning?.['fallback']) || undefined
  const level = textOf(otherConfig['thinking_level'])
  if ((effort === '' || effort === 'off') && level !== '')
    return { reasoningEffort: level, reasoningSource: 'thinking_level', reasoningFallback: fallback }
  return effort === ''
    ? { reasoningEffort: '' }
    : { reasoningEffort: effort, reasoningSource: 'reasoning', reasoningFallback: fallback }
}

const wishOf = (agent: Agent, asked: string | undefined): ReasoningWish =>
  asked === undefined ? reasoningOf(agent) : { reasoningEffort: asked, reasoningSource: 'request' }

export const modelOptions = (
  agent: Agent,
  { maxTokens, temperature, reasoningEffort, cacheTtl }: RunOptions,
): ChatOptions => ({
  maxTokens: maxTokensOf(agent, maxTokens),
  temperature,
  ...wishOf(agent, reasoningEffort),
  cacheTtl,
})

const fallbacksOf = ({ otherConfig }: Agent): ModelRef[] => {
  // Most agents have none, and this is asked before every model call.
  if (otherConfig['fallbacks'] === undefined) return []
  const { success, data } = fallbackChain.safeParse(otherConfig['fallbacks'])
  return success ? data.map(({ provider, model }) => ({ provider, model: model ?? '' })) : []
}

/** @param affinity what the calls of one conversation share */
export const modelRouting = (
  agent: Agent,
  { forbidsFallbacks = false, cacheKey }: RunOptions,
  affinity: string,
): Routing => ({
  fallbacks: fallbacksOf(agent),
  forbidsFallbacks,
  continuesAnswers: agent.otherConfig['continue_answers'] === true,
  affinity,
  cacheKey,
  accountPool: poolRoutingOf(agent),
})

const noSampling: Sampling = {
  topP: undefined,
  stop: [],
  seed: undefined,
  presencePenalty: undefined,
  frequencyPenalty: undefined,
  responseFormat: undefined,
  parallelToolCalls: undefined,
  logitBias: {},
  toolChoice: undefined,
}

const toolChoiceOf = (choice: ClientTools['choice']): Sampling['toolChoice'] => {
  if (choice === 'auto') return undefined
  return choice === 'required' ? { type: 'required', name: '' } : { type: 'function', name: choice.name }
}

/** What is left to the provider is absent. A forced call stays forced while the agent's own tools are called first. */
export const modelSampling = (
  { sampling }: RunOptions,
  { choice }: Pick<ClientTools, 'choice'>,
): Sampling | undefined =>
  sampling === undefined && choice === 'auto'
    ? undefined
    : { ...noSampling, ...sampling, toolChoice: toolChoiceOf(choice) }
