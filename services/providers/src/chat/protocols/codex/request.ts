/** Requests of the Responses wire, as ChatGPT's own backend takes them: always streamed, never stored there. */
import type { ResponseFormat } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError } from '@clawmesh/contracts'
import { endpoint, type Target } from '../../../providers/connection.ts'
import type { UpstreamRequest } from '../exchange.ts'
import { withTakenFiles } from '../files.ts'
import { bodyText, textOf, type Json } from '../json.ts'
import { schemaProfile } from '../openai/rules.ts'
import { cacheKeyFields } from '../prompt-cache.ts'
import type { ChatCall } from '../protocol.ts'
import { formatSchema, refuseParameters, unsupportedParameter } from '../sampling.ts'
import { wireName } from '../tool-names.ts'
import { createToolsField, toolParameters } from '../tools.ts'
import { codexInput, codexNameLimit } from './input.ts'

export const codexHeaders = ({ key, connection }: Target): Record<string, string> => {
  const account = textOf(connection.settings['account_id'])
  return {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    authorization: `Bearer ${key}`,
    'openai-beta': 'responses=v1',
    ...(account === '' ? {} : { 'chatgpt-account-id': account }),
  }
}

const toolsField = createToolsField((tool, profile) => {
  const { parameters, strict, clean } = toolParameters(tool, profile)
  const { name, description, strict: asked } = tool
  return {
    type: 'function',
    name: wireName(name, codexNameLimit),
    description,
    parameters: asked === undefined ? parameters : clean,
    strict: asked ?? strict,
  }
})

const toolChoiceFields = ({ tools, sampling }: ChatCall): Json => {
  if (tools.length === 0) return {}
  const { toolChoice, parallelToolCalls } = sampling ?? {}
  return {
    tool_choice:
      toolChoice?.type === 'function'
        ? { type: 'function', name: wireName(toolChoice.name, codexNameLimit) }
        : (toolChoice?.type ?? 'auto'),
    parallel_tool_calls: parallelToolCalls ?? true,
  }
}

const formatFields = (format: ResponseFormat | undefined): Json => {
  if (format === undefined || format.type === 'text') return {}
  if (format.type === 'json_object') return { text: { format: { type: 'json_object' } } }
  const { name, description, schemaJson, strict } = format
  return {
    text: {
      format: {
        type: 'json_schema',
        name: name || 'answer',
        ...(description === '' ? {} : { description }),
        schema: formatSchema(schemaJson),
        ...(strict === undefined ? {} : { strict }),
      },
    },
  }
}

/** @throws UNSUPPORTED_PARAMETER for what the backend does not take; its token limit is its own */
const checkOptions = (target: Target, { sampling, options: { temperature } }: ChatCall): void => {
  refuseParameters(target, sampling, target.type.refuses)
  if (temperature !== undefined && temperature !== 1) throw unsupportedParameter(target.connection.name, 'temperature')
}

/** @throws FAILED_PRECONDITION for an account that is not signed in, INVALID_REQUEST, UNSUPPORTED_PARAMETER */
export const codexRequest = (target: Target, call: ChatCall): UpstreamRequest => {
  if (target.key === '') throw new MeshError('FAILED_PRECONDITION', 'error.api_key_required')
  checkOptions(target, call)
  const { reasoningEffort: effort } = call.options
  const body = {
    model: call.model,
    ...codexInput(withTakenFiles(target.connection.name, call.messages, target.type.files)),
    stream: true,
    store: false,
    ...toolChoiceFields(call),
    ...(effort === '' ? {} : { reasoning: { effort } }),
    ...formatFields(call.sampling?.responseFormat),
    ...cacheKeyFields(call),
  }
  return {
    method: 'POST',
    url: endpoint(target.base, target.type.chatPath),
    headers: codexHeaders(target),
    body: bodyText(body, toolsField(call.tools, schemaProfile(target, call.model))),
    streams: true,
  }
}
