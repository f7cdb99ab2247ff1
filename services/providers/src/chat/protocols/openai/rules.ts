/** What a model or a vendor of the OpenAI wire wants otherwise than the rest. */
import { modelFamily } from '../../reasoning.ts'
import type { Target } from '../../../providers/connection.ts'
import { idRules } from '../replay.ts'
import type { SchemaProfile } from '../schema.ts'
import type { FileWords, MessageRules } from './messages.ts'

const startsWithAny = (model: string, prefixes: readonly string[]): boolean =>
  prefixes.some((prefix) => modelFamily(model).startsWith(prefix))

/** Models whose limit is called max_completion_tokens. */
export const usesCompletionTokens = (model: string): boolean => startsWithAny(model, ['gpt-5', 'o1', 'o3', 'o4'])

/** Models that refuse a temperature. */
export const refusesTemperature = (model: string): boolean =>
  startsWithAny(model, ['gpt-5-mini', 'gpt-5-nano', 'o1', 'o3', 'o4'])

/** OpenAI itself, as opposed to those who speak like it. */
export const isOpenAi = ({ base }: Target): boolean => base.includes('api.openai.com')

export const isAzure = ({ base }: Target): boolean => base.includes('azure.com')

/** Gemini behind an OpenAI surface, whoever runs it. */
export const isGemini = ({ connection, base }: Target, model: string): boolean =>
  base.includes('generativelanguage') ||
  [connection.type, connection.name, base, model].some((text) => text.toLowerCase().includes('gemini'))

const hostOf = ({ base }: Pick<Target, 'base'>): string => new URL(base).hostname

/** Whether a connection's streams end without `data: [DONE]`, a finish_reason being the last word. */
export const omitsDone = (target: Target): boolean =>
  target.type.omitsDone ||
  hostOf(target) === 'api.perplexity.ai' ||
  target.connection.settings['done_marker_optional'] === true

const mistralFamilies = ['mistral', 'mixtral', 'ministral', 'codestral', 'devstral', 'magistral', 'pixtral']

/** Mistral's models, whoever serves them: their templates check ids and the order of roles. */
const isMistral = (target: Target, model: string): boolean =>
  target.connection.type === 'mistral' || hostOf(target) === 'api.mistral.ai' || startsWithAny(model, mistralFamilies)

/** A model behind a router is shown files in the router's words. */
const fileWords = ({ connection: { type }, base }: Target): FileWords => {
  if (type === 'gemini_native' || base.includes('generativelanguage')) return 'gemini'
  return type === 'mistral' || hostOf({ base }) === 'api.mistral.ai' ? 'mistral' : 'openai'
}

/** Routers hand ids on to Anthropic as they are. */
const isClaude = (model: string): boolean => modelFamily(model).includes('claude')

/** How the messages of a conversation are written for a connection. */
export const messageRules = (target: Target, model: string): MessageRules => {
  const { type } = target
  const gemini = isGemini(target, model)
  const mistral = isMistral(target, model)
  return {
    systemRole: isOpenAi(target) ? 'developer' : 'system',
    thinking: type.takesThinking && !isOpenAi(target) && !isAzure(target) && !gemini && !mistral,
    gemini,
    ids: mistral ? idRules.mistral : isClaude(model) ? idRules.anthropic : idRules.openai,
    alternates: type.alternates || hostOf(target) === 'api.perplexity.ai',
    fileWords: fileWords(target),
    afterResults: mistral ? 'Done.' : '',
  }
}

const dashscopeThinkers = new Set([
  'qwen3.5-plus',
  'qwen3.5-turbo',
  'qwen3-max',
  'qwen3-235b-a22b',
  'qwen3-32b',
  'qwen3-14b',
  'qwen3-8b',
])
const dashscopeBudgets: Record<string, number> = { low: 4096, medium: 16_384, high: 32_768 }
const dashscopeOtherBudget = 16_384

/** The body fields that ask for a reasoning effort; none for an empty one. */
export const effortFields = ({ connection }: Target, model: string, effort: string): Record<string, unknown> => {
  if (effort === '') return {}
  if (connection.type !== 'dashscope') return { reasoning_effort: effort }
  if (effort === 'none' || !dashscopeThinkers.has(modelFamily(model))) return {}
  return { enable_thinking: true, thinking_budget: dashscopeBudgets[effort] ?? dashscopeOtherBudget }
}

/** How tool schemas are written for a connection. */
export const schemaProfile = (target: Target, model: string): SchemaProfile => {
  const { connection } = target
  const name = connection.name.toLowerCase()
  if (isGemini(target, model)) return 'gemini'
  if (connection.type === 'xai' || name.includes('xai')) return 'xai'
  const strict = name === 'openai' || name === 'codex' || name.includes('chatgpt')
  return strict && !name.includes('compat') ? 'strict' : 'generic'
}
