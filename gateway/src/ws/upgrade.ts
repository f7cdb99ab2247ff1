/** Decides which requests become WebSocket connections, before anything is said on them. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { errorAnswer } from '@clawmesh/chassis'
import { MeshError, toMeshError, wsPath } from '@clawmesh/contracts'
import { refuseRepeatedCredentials } from '../admission/credentials.ts'

export const isWsPath = (url: string): boolean => url === wsPath || url.startsWith(`${wsPath}?`)

/** Whether a request asks for a WebSocket where there are any; all other upgrades are served as plain requests. */
export const wantsWebSocket = ({ url = '', headers }: IncomingMessage): boolean =>
  isWsPath(url) && headers.upgrade?.toLowerCase() === 'websocket'

export interface UpgradeParts {
  allowedOrigins: readonly string[]
  isAllowedOrigin: (origin: string) => boolean
  /** Looks at a request before its credential; throws to refuse it. */
  guard: (request: IncomingMessage) => void
  hasCapacityFor: (clientIp: string) => boolean
  isLeaving: () => boolean
}

/** Whether a connection may be opened. Programs send no Origin; pages of any origin may come unless some are listed. */
export const mayConnect = (
  { allowedOrigins, isAllowedOrigin, guard, hasCapacityFor, isLeaving }: UpgradeParts,
  request: IncomingMessage,
  clientIp: string,
): void => {
  const { origin } = request.headers
  if (isLeaving()) throw new MeshError('UNAVAILABLE', 'error.shutting_down')
  guard(request)
  refuseRepeatedCredentials(request)
  if (origin !== undefined && allowedOrigins.length > 0 && !isAllowedOrigin(origin))
    throw new MeshError('FORBIDDEN', 'error.foreign_origin')
  if (!hasCapacityFor(clientIp)) throw new MeshError('RESOURCE_EXHAUSTED', 'error.too_many_sockets')
}

/** Answers an upgrade that is refused, on the bare connection, and ends that. */
export const refuseUpgrade = (request: IncomingMessage, socket: Duplex, thrown: unknown): void => {
  const acceptLanguage = request.headers['accept-language']
  const { status, headers, body } = errorAnswer(toMeshError(thrown), { url: request.url, acceptLanguage })
  socket.end(
    [
      `HTTP/1.1 ${status} Refused`,
      'Connection: close',
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '',
      body,
    ].join('\r\n'),
  )
}
