/** Errors whose text is meant for the model. */
import { MeshError } from '@clawmesh/contracts'

/** A tool's refusal or failure in words that help the model do better; they must hold no host path and no secret. */
export const toolError = (text: string): MeshError => new MeshError('TOOL_ERROR', 'error.tool_failed', { text })

/** What the model can do something about. */
const ofTheModel: readonly string[] = [
  'INVALID_REQUEST',
  'NOT_FOUND',
  'FORBIDDEN',
  'ALREADY_EXISTS',
  'RESOURCE_EXHAUSTED',
]

/** Work of another service, whose refusals the model is told. @throws TOOL_ERROR, and all else as it comes */
export const toldToModel = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (thrown) {
    if (thrown instanceof MeshError && ofTheModel.includes(thrown.code)) throw toolError(thrown.message)
    throw thrown
  }
}

/** The system error code (`ENOENT`) of a thrown value; empty when it has none. */
export const errnoOf = (thrown: unknown): string =>
  typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : ''

/** Whether a system error says that a path leads nowhere: through a file, round in a circle, or on for too long. */
export const isPathFault = (thrown: unknown): boolean => ['ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(errnoOf(thrown))
