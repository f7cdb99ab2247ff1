/** Sampling parameters of a chat completion. Source: OpenAI API reference, "Create chat completion". */
import type { ResponseFormat } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Target } from '../../../providers/connection.ts'
import type { Json } from '../json.ts'
import { formatSchema, refuseParameters } from '../sampling.ts'
import { wireName } from '../tool-names.ts'
import type { ChatCall } from '../protocol.ts'
import { openAiNameLimit } from './messages.ts'

const formatField = ({ type, name, description, schemaJson, strict }: ResponseFormat): Json =>
  type === 'json_schema'
    ? {
        type,
        json_schema: {
          name: name || 'answer',
          ...(description === '' ? {} : { description }),
          schema: formatSchema(schemaJson),
          ...(strict === undefined ? {} : { strict }),
        },
      }
    : { type }

/** The fields that go with tools. A choice among none, and parallel calls of none, vendors refuse. */
export const toolChoiceFields = ({ sampling, tools }: ChatCall): Json => {
  if (tools.length === 0) return {}
  const { toolChoice, parallelToolCalls } = sampling ?? {}
  const choice =
    toolChoice?.type === 'function'
      ? { type: 'function', function: { name: wireName(toolChoice.name, openAiNameLimit) } }
      : (toolChoice?.type ?? 'auto')
  return {
    tool_choice: choice,
    ...(parallelToolCalls === undefined ? {} : { parallel_tool_calls: parallelToolCalls }),
  }
}

/** The fields of a body, but for those that go with tools. @throws UNSUPPORTED_PARAMETER, INVALID_REQUEST */
export const samplingFields = (target: Target, { sampling }: ChatCall): Json => {
  refuseParameters(target, sampling, target.type.refuses)
  if (sampling === undefined) return {}
  const { topP, stop, seed, presencePenalty, frequencyPenalty, responseFormat, logitBias } = sampling
  return {
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(stop.length === 0 ? {} : { stop }),
    ...(seed === undefined ? {} : { [target.type.seedName]: seed }),
    ...(presencePenalty === undefined ? {} : { presence_penalty: presencePenalty }),
    ...(frequencyPenalty === undefined ? {} : { frequency_penalty: frequencyPenalty }),
    ...(responseFormat === undefined ? {} : { response_format: formatField(responseFormat) }),
    ...(Object.keys(logitBias).length === 0 ? {} : { logit_bias: logitBias }),
  }
}
