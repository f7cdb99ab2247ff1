/** The functions that a request offers, whichever protocol words them. */
import type { ToolSpec } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError } from '@clawmesh/contracts'
import type { ClientTools } from '../runs/types.ts'
import { isLargerThan } from './schema-size.ts'

/** Of all functions together. Each call of a model writes them out. */
const mostSchemaNodes = 10_000

export interface FunctionTool {
  name: string
  description?: string | null | undefined
  /** JSON Schema of the arguments. */
  parameters?: object | null | undefined
  strict?: boolean | null | undefined
}

export interface ToolChoice {
  mode: 'none' | 'auto' | 'required'
  /** The only functions that may be called; all where absent. */
  allowed?: readonly string[]
}

const invalid = (field: string, reason: string, name = '') =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason, name })

const toSpec = ({ name, description, parameters, strict }: FunctionTool): ToolSpec => ({
  name,
  description: description ?? '',
  parametersJson: parameters == null ? '' : JSON.stringify(parameters),
  strict: strict ?? false,
})

/**
 * What of a request's functions is offered to the model; undefined when none is.
 * @throws INVALID_REQUEST for two functions of one name, schemas that are too large, and a choice among what is not there
 */
export const clientToolsOf = (
  functions: readonly FunctionTool[],
  choice: ToolChoice | undefined,
): ClientTools | undefined => {
  const names = functions.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw invalid('tools', 'two_functions_of_one_name', twice)
  if (
    isLargerThan(
      mostSchemaNodes,
      functions.map(({ parameters }) => parameters),
    )
  )
    throw invalid('tools', 'the schemas are too large')
  if (choice === undefined) return functions.length === 0 ? undefined : { tools: functions.map(toSpec), choice: 'auto' }
  if (functions.length === 0) throw invalid('tool_choice', 'only allowed with tools')
  const { mode, allowed = names } = choice
  const missing = allowed.find((name) => !names.includes(name))
  if (missing !== undefined) throw invalid('tool_choice', 'no_such_function', missing)
  const tools = functions.filter(({ name }) => allowed.includes(name)).map(toSpec)
  if (mode === 'none' || tools.length === 0) return undefined
  if (mode === 'auto') return { tools, choice: mode }
  return { tools, choice: tools.length === 1 ? { name: tools[0]!.name } : mode }
}
