/** Requests of the OpenAI wire. */
import { endpoint, type Target } from '../../../providers/connection.ts'
import type { UpstreamRequest } from '../exchange.ts'
import { withTakenFiles } from '../files.ts'
import { bodyText, type Json } from '../json.ts'
import { unsupportedParameter } from '../sampling.ts'
import { wireName } from '../tool-names.ts'
import { createToolsField, toolParameters } from '../tools.ts'
import { cacheKeyFields } from '../prompt-cache.ts'
import type { ChatCall } from '../protocol.ts'
import { openAiMessages, openAiNameLimit } from './messages.ts'
import {
  effortFields,
  isAzure,
  isOpenAi,
  messageRules,
  refusesTemperature,
  schemaProfile,
  usesCompletionTokens,
} from './rules.ts'
import { samplingFields, toolChoiceFields } from './sampling.ts'

/** The headers of any call to a connection of the OpenAI wire. */
export const openAiHeaders = (target: Target): Record<string, string> => ({
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  ...(isAzure(target) ? { 'api-key': target.key } : { authorization: `Bearer ${target.key}` }),
})

/** Whether a call goes out as a stream: not every vendor can stream together with tools. */
export const streamsUpstream = ({ type }: Target, call: ChatCall): boolean =>
  call.stream && (type.streamsTools || call.tools.length === 0)

const toolsField = createToolsField((tool, profile) => {
  const { parameters, strict, clean } = toolParameters(tool, profile)
  const { name, description, strict: asked } = tool
  return {
    type: 'function',
    function: {
      name: wireName(name, openAiNameLimit),
      description,
      // Whoever asked for strictness, or for none, wrote the schema for it.
      parameters: asked === undefined ? parameters : clean,
      ...((asked ?? strict) ? { strict: true } : {}),
    },
  }
})

/** @throws UNSUPPORTED_PARAMETER for a temperature that the model does not take; what it has anyway is no demand */
const temperatureField = ({ connection }: Target, { model, options: { temperature } }: ChatCall): Json => {
  if (temperature === undefined) return {}
  if (!refusesTemperature(model)) return { temperature }
  if (temperature !== 1) throw unsupportedParameter(connection.name, 'temperature')
  return {}
}

const limitField = ({ model, options: { maxTokens } }: ChatCall): Json =>
  maxTokens > 0 ? { [usesCompletionTokens(model) ? 'max_completion_tokens' : 'max_tokens']: maxTokens } : {}

/** The body of a chat completion request, without its tools. Source: OpenAI API reference, "Create chat completion". */
export const openAiBody = (target: Target, call: ChatCall): Json => {
  const { model } = call
  const messages = withTakenFiles(target.connection.name, call.messages, target.type.files)
  const stream = streamsUpstream(target, call)
  return {
    model,
    messages: openAiMessages(messages, messageRules(target, model)),
    stream,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
    ...(call.tools.length > 0 ? toolChoiceFields(call) : {}),
    ...limitField(call),
    ...temperatureField(target, call),
    ...effortFields(target, model, call.options.reasoningEffort),
    // Those who only speak like OpenAI may refuse what they do not know.
    ...(isOpenAi(target) ? cacheKeyFields(call) : {}),
    ...samplingFields(target, call),
  }
}

/** A chat completion request. @throws INVALID_REQUEST for tools or messages that cannot be sent */
export const openAiRequest = (target: Target, call: ChatCall): UpstreamRequest => ({
  method: 'POST',
  url: endpoint(target.base, target.type.chatPath),
  headers: openAiHeaders(target),
  body: bodyText(openAiBody(target, call), toolsField(call.tools, schemaProfile(target, call.model))),
  streams: streamsUpstream(target, call),
})
