/** Parameters of others' protocols that cannot be honoured: refused, never dropped silently. */
import { MeshError } from '@clawmesh/contracts'
import { cutText } from '../text/cut.ts'

/** The error of a parameter that we cannot honour, whatever provider serves the agent. */
export const unsupportedParameter = (field: string): MeshError =>
  new MeshError('UNSUPPORTED_PARAMETER', 'error.parameter_unsupported', { field })

/** The parameters of a protocol beside those that its schema declares. */
export interface OtherParameters {
  /** Those that change nothing about an answer: hints, and what is so anyway. */
  hints: readonly string[]
  /** Those that we cannot honour, by whether a value asks for something; none and null ask for nothing. */
  refused: Readonly<Record<string, (value: unknown) => boolean>>
}

/**
 * Sees to it that each parameter of a request is honoured or refused. `declared` are the names that its schema has.
 * @throws UNSUPPORTED_PARAMETER, and UNKNOWN_PARAMETER for one that the protocol does not have
 */
export const checkParameters = (
  body: Readonly<Record<string, unknown>>,
  declared: readonly string[],
  { hints, refused }: OtherParameters,
): void => {
  for (const [field, value] of Object.entries(body)) {
    if (value === null || value === undefined) continue
    if (Object.hasOwn(refused, field)) {
      if (refused[field]!(value)) throw unsupportedParameter(field)
    } else if (!declared.includes(field) && !hints.includes(field))
      throw new MeshError('UNKNOWN_PARAMETER', 'error.parameter_unknown', { field: cutText(field, 100) })
  }
}
