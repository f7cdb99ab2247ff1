/** Which models can be told how hard to think, and what is asked of them. */
import type { ChatOptions, ReasoningDecision } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { objectOf, textOf } from './protocols/json.ts'

const order = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const
type ReasoningLevel = (typeof order)[number]

export interface ReasoningCapability {
  levels: ReasoningLevel[]
  /** What the model does when nothing is sent. */
  defaultEffort: ReasoningLevel
}

const groups: { models: string; levels: string; defaultEffort: ReasoningLevel }[] = [
  { models: 'gpt-5.4 gpt-5.4-mini gpt-5-mini gpt-5.2', levels: 'none low medium high xhigh', defaultEffort: 'none' },
  {
    models: 'gpt-5.3-codex gpt-5.3-codex-spark gpt-5.2-codex',
    levels: 'low medium high xhigh',
    defaultEffort: 'medium',
  },
  { models: 'gpt-5.1-codex-max', levels: 'none medium high xhigh', defaultEffort: 'none' },
  {
    models: 'gpt-5.1-codex gpt-5.1-codex-mini gpt-5-codex gpt-5-codex-mini',
    levels: 'low medium high',
    defaultEffort: 'medium',
  },
  { models: 'gpt-5.1', levels: 'none low medium high', defaultEffort: 'none' },
  { models: 'gpt-5', levels: 'minimal low medium high', defaultEffort: 'medium' },
]

const capabilities = new Map<string, ReasoningCapability>(
  groups.flatMap(({ models, levels, defaultEffort }) =>
    models.split(' ').map((id) => [id, { levels: levels.split(' ') as ReasoningLevel[], defaultEffort }] as const),
  ),
)

/** The part of a model id after the last slash, lower case: what model rules are written for. */
export const modelFamily = (model: string): string => model.slice(model.lastIndexOf('/') + 1).toLowerCase()

/** What is known of a model's reasoning; undefined for a model that is not in the registry. */
export const reasoningCapability = (model: string): ReasoningCapability | undefined =>
  capabilities.get(modelFamily(model))

/**
 * The level to send for a requested one (off, auto or a level; empty is off), undefined for nothing. A model that is
 * not in the registry is sent what was asked; a known one that lacks the level gets the next lower it has, never more.
 */
export const effortToSend = (model: string, requested: string): string | undefined => {
  if (requested === '' || requested === 'off' || requested === 'auto') return undefined
  const known = reasoningCapability(model)
  if (!known || known.levels.some((level) => level === requested)) return requested
  const rank = requested === 'max' ? order.length : order.indexOf(requested as ReasoningLevel)
  return known.levels.findLast((level) => order.indexOf(level) <= rank)
}

type Fallback = 'downgrade' | 'off' | 'provider_default'
const fallbacks: readonly Fallback[] = ['downgrade', 'off', 'provider_default']
const fallbackOf = (word: unknown): Fallback => fallbacks.find((known) => known === word) ?? 'downgrade'

interface Wish {
  source: string
  effort: string
  fallback: Fallback
}

/** Who wants what of a call: whoever asks, or where that inherits, the settings of the provider. Undefined for nobody. */
const wishOf = (options: Partial<ChatOptions>, settings: Record<string, unknown>): Wish | undefined => {
  if (options.inheritsReasoning !== true) {
    const { reasoningSource: source = '', reasoningEffort = '', reasoningFallback } = options
    return source === '' ? undefined : { source, effort: reasoningEffort, fallback: fallbackOf(reasoningFallback) }
  }
  const defaults = objectOf(settings['reasoning_defaults'])
  const effort = textOf(defaults?.['effort'])
  return effort === ''
    ? undefined
    : { source: 'provider_default', effort, fallback: fallbackOf(defaults?.['fallback']) }
}

interface Outcome {
  /** What is done, for who looks. */
  effective: string
  /** What the model is told, empty for nothing. */
  sent: string
  reason: string
}

const nothing = (effective: string, reason: string): Outcome => ({ effective, sent: '', reason })

const outcomeOf = (model: string, { effort, fallback }: Wish, known: ReasoningCapability | undefined): Outcome => {
  if (effort === '' || effort === 'off') return nothing('off', 'off')
  if (known === undefined)
    return effort === 'auto'
      ? nothing('auto', 'unknown_model')
      : { effective: effort, sent: effort, reason: 'unknown_model' }
  if (effort === 'auto') return nothing(known.defaultEffort, 'model_default')
  if (known.levels.some((level) => level === effort)) return { effective: effort, sent: effort, reason: 'supported' }
  if (fallback === 'off') return nothing('off', 'fallback_off')
  if (fallback === 'provider_default') return nothing(known.defaultEffort, 'fallback_provider_default')
  const lower = effortToSend(model, effort)
  return lower === undefined
    ? nothing('off', 'no_lower_level')
    : { effective: lower, sent: lower, reason: 'downgraded' }
}

/**
 * What a call's model is told about reasoning, and how that came about; undefined where nobody wants anything.
 * @param canReason whether the provider can be told at all
 */
export const decideReasoning = (
  model: string,
  canReason: boolean,
  options: Partial<ChatOptions>,
  settings: Record<string, unknown>,
): { sent: string; decision: ReasoningDecision } | undefined => {
  const wish = wishOf(options, settings)
  if (wish === undefined) return undefined
  const known = canReason ? reasoningCapability(model) : undefined
  const { effective, sent, reason } = canReason ? outcomeOf(model, wish, known) : nothing('off', 'unsupported_provider')
  return {
    sent,
    decision: {
      source: wish.source,
      requestedEffort: wish.effort,
      effectiveEffort: effective,
      fallback: wish.fallback,
      reason,
      knownModel: known !== undefined,
      supportedLevels: [...(known?.levels ?? [])],
      usedProviderDefault: wish.source === 'provider_default',
    },
  }
}
