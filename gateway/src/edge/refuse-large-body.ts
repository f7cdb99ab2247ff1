import type { IncomingMessage } from 'node:http'
import { asLargeBody } from '@clawmesh/chassis'
import { defaultBodyLimitBytes, MeshError, type Route } from '@clawmesh/contracts'

/**
 * Refuses a body that says it is over its route's limit before a byte of it is read. Services count what really comes.
 * @throws PAYLOAD_TOO_LARGE; INVALID_REQUEST where the contract says so
 */
export const refuseLargeBody = ({ headers }: IncomingMessage, { definition }: Route): void => {
  const limit = definition.bodyLimitBytes ?? defaultBodyLimitBytes
  if (Number(headers['content-length'] ?? 0) > limit)
    throw asLargeBody(new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit }), definition)
}
