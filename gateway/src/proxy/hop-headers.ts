/** Which headers of a request go on into the mesh. */
import type { IncomingHttpHeaders } from 'node:http'
import { connectionHeaders, connectionOptions, identityHeader, leavingHeader } from '@clawmesh/chassis'

/** What the edge has judged; services believe only the identity it vouches for. */
const judgedHeaders = [
  'authorization',
  'cookie',
  'forwarded',
  identityHeader,
  'x-api-key',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-goclaw-sender-id',
  'x-goclaw-tenant-id',
  'x-goclaw-user-id',
  'x-real-ip',
]

const stripped = [...connectionHeaders, ...judgedHeaders]
const framing = new Set(['content-length', 'transfer-encoding'])

/** Removes what must not reach a service, whether it is called or proxied to. */
export const stripHeaders = (headers: IncomingHttpHeaders): void => {
  // The body's framing stays, as the body is passed on as it comes.
  for (const option of connectionOptions(headers.connection)) if (!framing.has(option)) delete headers[option]
  for (const name of stripped) if (headers[name] !== undefined) delete headers[name]
}

const answerHeaders = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'trailer',
  'transfer-encoding',
  'upgrade',
  leavingHeader,
]

/** Removes what an upstream said about its own connection from its answer's headers. */
export const stripAnswerHeaders = (headers: IncomingHttpHeaders): void => {
  for (const name of answerHeaders) if (headers[name] !== undefined) delete headers[name]
}
