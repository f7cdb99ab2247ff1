/** Sampling parameters in Anthropic's words. Source: Anthropic API reference, "Create a Message". */
import type { Target } from '../../../providers/connection.ts'
import type { Json } from '../json.ts'
import { formatSchema, refuseParameters, unsupportedParameter } from '../sampling.ts'
import type { SamplingParameter } from '../sampling-parameter.ts'
import { wireName } from '../tool-names.ts'
import type { ChatCall } from '../protocol.ts'
import { anthropicRules } from './messages.ts'

/** What the protocol has no word for. */
const unknown: readonly SamplingParameter[] = ['seed', 'presence_penalty', 'frequency_penalty', 'logit_bias']

const choiceTypes: Record<string, string> = { auto: 'auto', none: 'none', required: 'any', function: 'tool' }

const choiceField = ({ sampling, tools }: ChatCall): Json => {
  const { toolChoice, parallelToolCalls } = sampling ?? {}
  if (tools.length === 0 || (toolChoice === undefined && parallelToolCalls !== false)) return {}
  const type = choiceTypes[toolChoice?.type ?? 'auto']!
  return {
    tool_choice: {
      type,
      ...(type === 'tool' ? { name: wireName(toolChoice!.name, anthropicRules.nameLimit) } : {}),
      ...(parallelToolCalls === false && type !== 'none' ? { disable_parallel_tool_use: true } : {}),
    },
  }
}

/** Whether a call is forced, which extended thinking does not go with. */
export const forcesCall = ({ sampling, tools }: ChatCall): boolean =>
  tools.length > 0 && (sampling?.toolChoice?.type === 'required' || sampling?.toolChoice?.type === 'function')

/** The fields of a body. @throws UNSUPPORTED_PARAMETER, INVALID_REQUEST */
export const samplingFields = (target: Target, call: ChatCall): Json => {
  const { sampling } = call
  refuseParameters(target, sampling, unknown)
  if (sampling === undefined) return {}
  const { topP, stop, responseFormat } = sampling
  // JSON without a schema is OpenAI's alone.
  if (responseFormat?.type === 'json_object') throw unsupportedParameter(target.connection.name, 'response_format')
  return {
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(stop.length === 0 ? {} : { stop_sequences: stop }),
    ...(responseFormat?.type === 'json_schema'
      ? { output_config: { format: { type: 'json_schema', schema: formatSchema(responseFormat.schemaJson) } } }
      : {}),
    ...choiceField(call),
  }
}
