/** Requests of the Anthropic wire. */
import { endpoint, type Target } from '../../../providers/connection.ts'
import type { UpstreamRequest } from '../exchange.ts'
import { withTakenFiles } from '../files.ts'
import { bodyText, type Json } from '../json.ts'
import { replayed } from '../replay.ts'
import { unsupportedParameter } from '../sampling.ts'
import { wireName } from '../tool-names.ts'
import { createToolsField, toolParameters } from '../tools.ts'
import type { ChatCall } from '../protocol.ts'
import { anthropicMessages, anthropicRules, anthropicSystem, cacheMark, mayThink } from './messages.ts'
import { forcesCall, samplingFields } from './sampling.ts'

const defaultMaxTokens = 4096
/** Thinking budgets, tokens; a level's neighbours share the nearest (minimal with low, xhigh and max with high). */
const budgets: Record<string, number> = {
  minimal: 4096,
  low: 4096,
  medium: 10_000,
  high: 32_000,
  xhigh: 32_000,
  max: 32_000,
}
const otherBudget = 10_000
/** Tokens left for the answer beside the thinking: at least the first, else raised to the second. */
const answerRoom = { least: 4096, given: 8192 }

/** The headers of any call to Anthropic. */
export const anthropicHeaders = (target: Target): Record<string, string> => ({
  'content-type': 'application/json',
  'x-api-key': target.key,
  'anthropic-version': '2023-06-01',
})

const thinkingBudget = (call: ChatCall): number | undefined => {
  const effort = call.options.reasoningEffort
  if (effort === '' || effort === 'none' || !mayThink(call.messages) || forcesCall(call)) return undefined
  return budgets[effort] ?? otherBudget
}

const toolsField = createToolsField((tool, profile) => ({
  name: wireName(tool.name, anthropicRules.nameLimit),
  description: tool.description,
  input_schema: toolParameters(tool, profile).parameters,
  ...(tool.strict === true ? { strict: true } : {}),
}))

const maxTokensFor = (wanted: number, budget: number | undefined): number => {
  const asked = wanted || defaultMaxTokens
  return budget !== undefined && asked < budget + answerRoom.least ? budget + answerRoom.given : asked
}

/** Thinking allows no other temperature than its own. @throws UNSUPPORTED_PARAMETER for another */
const temperatureField = ({ connection }: Target, temperature: number | undefined, thinks: boolean): Json => {
  if (temperature === undefined) return {}
  if (!thinks) return { temperature }
  if (temperature !== 1) throw unsupportedParameter(connection.name, 'temperature')
  return {}
}

/** The body of a Messages request, without its tools. Source: Anthropic API reference, "Create a Message", "Extended thinking". */
export const anthropicBody = (target: Target, call: ChatCall): Json => {
  const { maxTokens, temperature, cacheTtl } = call.options
  const budget = thinkingBudget(call)
  const messages = withTakenFiles(target.connection.name, call.messages, target.type.files)
  const turns = replayed(messages, anthropicRules)
  const system = anthropicSystem(turns, cacheTtl)
  return {
    model: call.model,
    max_tokens: maxTokensFor(maxTokens, budget),
    ...(system.length > 0 ? { system } : {}),
    messages: anthropicMessages(turns, { ttl: cacheTtl, isConversation: Boolean(call.routing?.affinity) }),
    ...(budget === undefined ? {} : { thinking: { type: 'enabled', budget_tokens: budget } }),
    ...temperatureField(target, temperature, budget !== undefined),
    ...samplingFields(target, call),
    stream: call.stream,
  }
}

/** A Messages request. @throws INVALID_REQUEST for tools or messages that cannot be sent */
export const anthropicRequest = (target: Target, call: ChatCall): UpstreamRequest => {
  const body = anthropicBody(target, call)
  return {
    method: 'POST',
    url: endpoint(target.base, target.type.chatPath),
    headers: {
      ...anthropicHeaders(target),
      ...('thinking' in body ? { 'anthropic-beta': 'interleaved-thinking-2025-05-14' } : {}),
    },
    body: bodyText(body, toolsField(call.tools, 'anthropic', cacheMark(call.options.cacheTtl))),
    streams: call.stream,
  }
}
