/** Who a request comes from: handed over inside the process, or read from the edge's signed token. */
import type { IncomingMessage } from 'node:http'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { identityHeader, type IdentityTokens } from '../auth/identity-token.ts'

const callers = new WeakMap<IncomingMessage, Caller>()

/** Marks a request of the same process as made by a caller; the edge does this when it runs beside the service. */
export const attachCaller = (request: IncomingMessage, caller: Caller): void => void callers.set(request, caller)

/** The caller of a request. @throws UNAUTHORIZED when the edge did not vouch for anyone */
export const callerOf = async (request: IncomingMessage, tokens: IdentityTokens): Promise<Caller> => {
  const attached = callers.get(request)
  if (attached !== undefined) return attached
  const token = request.headers[identityHeader]
  if (typeof token !== 'string') throw new MeshError('UNAUTHORIZED', 'error.unauthorized')
  return tokens.verify(token)
}
