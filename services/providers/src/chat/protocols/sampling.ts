/** What a request says about how its answer is made, as both protocols read it. */
import { MeshError } from '@clawmesh/contracts'
import type { Sampling } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Target } from '../../providers/connection.ts'
import { isObject, parseJson, type Json } from './json.ts'
import type { SamplingParameter } from './sampling-parameter.ts'

const isGiven: Record<SamplingParameter, (sampling: Sampling) => boolean> = {
  top_p: ({ topP }) => topP !== undefined,
  stop: ({ stop }) => stop.length > 0,
  seed: ({ seed }) => seed !== undefined,
  presence_penalty: ({ presencePenalty }) => presencePenalty !== undefined,
  frequency_penalty: ({ frequencyPenalty }) => frequencyPenalty !== undefined,
  // What would happen anyway is no demand.
  response_format: ({ responseFormat }) => responseFormat !== undefined && responseFormat.type !== 'text',
  parallel_tool_calls: ({ parallelToolCalls }) => parallelToolCalls === false,
  logit_bias: ({ logitBias }) => Object.keys(logitBias).length > 0,
  tool_choice: ({ toolChoice }) => toolChoice !== undefined && toolChoice.type !== 'auto',
}

/** The error of a parameter that a provider cannot honour. */
export const unsupportedParameter = (provider: string, field: string): MeshError =>
  new MeshError('UNSUPPORTED_PARAMETER', 'error.unsupported_parameter', { provider, field })

/** @throws UNSUPPORTED_PARAMETER for the first of the parameters that is asked for */
export const refuseParameters = (
  { connection }: Pick<Target, 'connection'>,
  sampling: Sampling | undefined,
  parameters: readonly SamplingParameter[],
): void => {
  if (sampling === undefined) return
  const asked = parameters.find((parameter) => isGiven[parameter](sampling))
  if (asked !== undefined) throw unsupportedParameter(connection.name, asked)
}

const invalid = (field: string, reason: string): MeshError =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason })

/** The schema of a response format. @throws INVALID_REQUEST when it is not a JSON object, or nested too deep */
export const formatSchema = (schemaJson: string): Json => {
  const schema = schemaJson === '' ? {} : parseJson(schemaJson)
  if (!isObject(schema)) throw invalid('response_format', 'schema is not a JSON object')
  return schema
}

const choices = new Set(['auto', 'none', 'required', 'function'])
const formats = new Set(['text', 'json_object', 'json_schema'])

/** @throws INVALID_REQUEST for words that mean nothing, and for a tool that must be called but is not offered */
export const checkSampling = (sampling: Sampling | undefined, tools: readonly { name: string }[]): void => {
  const { toolChoice, responseFormat } = sampling ?? {}
  if (responseFormat && !formats.has(responseFormat.type)) throw invalid('response_format', 'unknown type')
  if (!toolChoice) return
  if (!choices.has(toolChoice.type)) throw invalid('tool_choice', 'unknown type')
  if (toolChoice.type === 'required' && tools.length === 0) throw invalid('tool_choice', 'no tools are offered')
  if (toolChoice.type === 'function' && !tools.some(({ name }) => name === toolChoice.name))
    throw invalid('tool_choice', 'names no offered tool')
}
