/** Has a provider make something. */
import { MeshError } from '@clawmesh/contracts'
import { toProviderError, UpstreamFailure } from '../chat/protocols/failure.ts'
import type { CallOptions } from '../chat/protocols/options.ts'
import { resolveTarget, unsupported, type ProviderConnection } from '../providers/connection.ts'
import { createDesk, mostMadeBytes } from './desk.ts'
import type { Wish } from './types.ts'
import { makerOf } from './vendors/table.ts'

interface MakeOptions {
  options: CallOptions
  /** Private hosts that the operator permits. */
  allow: readonly string[]
  pollMs: number
}

/**
 * @param kind image, video or music
 * @throws MeshError FAILED_PRECONDITION for a type that makes no such thing; else as a chat does
 */
export const make = async (
  connection: ProviderConnection,
  kind: string,
  wish: Wish,
  { options, allow, pollMs }: MakeOptions,
): Promise<Buffer> => {
  const maker = makerOf(kind, connection.type)
  if (maker === undefined) throw unsupported(connection, kind)
  if (wish.model === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'model' })
  const target = resolveTarget(connection, { inContainer: options.inContainer })
  try {
    const bytes = await maker(createDesk(target, { options, allow, pollMs }), wish)
    if (bytes.length > mostMadeBytes)
      throw new UpstreamFailure('failed', `what was made is larger than ${mostMadeBytes} bytes`)
    return bytes
  } catch (thrown) {
    throw toProviderError(thrown, connection.name, [target.key])
  }
}
