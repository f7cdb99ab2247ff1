/** Errors whose text is meant for the model. */
import { MeshError } from '@clawmesh/contracts'

/** A tool's refusal or failure in words that help the model do better; they must hold no host path and no secret. */
export const toolError = (text: string): MeshError => new MeshError('TOOL_ERROR', 'error.tool_failed', { text })

/** The system error code (`ENOENT`) of a thrown value; empty when it has none. */
export const errnoOf = (thrown: unknown): string =>
  typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : ''
