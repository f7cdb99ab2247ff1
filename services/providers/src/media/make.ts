/** Has a provider make something. */
import { largestFileBytes, MeshError } from '@clawmesh/contracts'
import { toProviderError, UpstreamFailure } from '../chat/protocols/failure.ts'
import type { CallOptions } from '../chat/protocols/options.ts'
import { resolveTarget, unsupported, type ProviderConnection } from '../providers/connection.ts'
import { createVendorClient } from './vendor-client.ts'
import type { MakeRequest } from './types.ts'
import { makerOf } from './vendors/table.ts'

interface MakeOptions {
  options: CallOptions
  /** Private hosts that the operator permits. */
  allow: readonly string[]
  pollMs: number
}

/**
 * @param tool what wants it made
 * @throws MeshError FAILED_PRECONDITION for a type that makes no such thing; else as a chat does
 */
export const make = async (
  connection: ProviderConnection,
  tool: string,
  request: MakeRequest,
  { options, allow, pollMs }: MakeOptions,
): Promise<Buffer> => {
  const maker = makerOf(tool, connection.type)
  if (maker === undefined) throw unsupported(connection, tool)
  if (request.model === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'model' })
  const target = resolveTarget(connection, { inContainer: options.inContainer })
  try {
    const bytes = await maker(createVendorClient(target, { options, allow, pollMs }), request)
    if (bytes.length > largestFileBytes)
      throw new UpstreamFailure('failed', `what was made is larger than ${largestFileBytes} bytes`)
    return bytes
  } catch (thrown) {
    throw toProviderError(thrown, connection.name, [target.key])
  }
}
