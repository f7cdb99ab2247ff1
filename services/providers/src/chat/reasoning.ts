/** Which models can be told how hard to think, and what is asked of them. */

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
