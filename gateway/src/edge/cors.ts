/** Which pages may call the API from a browser: those of the listed origins, and no others. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { derived, type Live } from '@clawmesh/chassis'

const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const requestHeaders = [
  'Accept-Language',
  'Anthropic-Beta',
  'Anthropic-Version',
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'Last-Event-ID',
  'X-Api-Key',
  'X-Clawmesh-Resumable',
  'X-GoClaw-Agent',
  'X-GoClaw-Agent-Id',
  'X-GoClaw-Sender-Id',
  'X-GoClaw-Tenant-Id',
  'X-GoClaw-User-Id',
  'X-Request-Id',
].join(', ')
const answerHeaders = [
  'ETag',
  'Idempotency-Replayed',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Request-Id',
  'Retry-After',
  'Retry-After-Ms',
  'X-Request-Id',
  'X-Should-Retry',
].join(', ')
const preflightMaxAgeSeconds = '600'

export interface Cors {
  isAllowed: (origin: string) => boolean
  /** Marks the answer for a listed origin; true when the request was a preflight and is answered. */
  apply: (request: IncomingMessage, response: ServerResponse) => boolean
}

/** Origins are compared as browsers send them. Credentials travel in headers only, so cookies are never allowed. */
export const createCors = (allowedOrigins: Live<readonly string[]>): Cors => {
  const listed = derived(
    allowedOrigins,
    (origins) => new Set(origins.map((origin) => origin.replace(/\/$/, '').toLowerCase())),
  )
  const isAllowed = (origin: string): boolean => listed().has('*') || listed().has(origin.toLowerCase())

  return {
    isAllowed,
    apply: (request, response) => {
      const { origin } = request.headers
      if (listed().size === 0 || origin === undefined) return false
      response.setHeader('vary', 'Origin')
      if (!isAllowed(origin)) return false
      response.setHeader('access-control-allow-origin', origin)
      if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
        response.setHeader('access-control-expose-headers', answerHeaders)
        return false
      }
      response.writeHead(204, {
        'access-control-allow-methods': methods,
        'access-control-allow-headers': requestHeaders,
        'access-control-max-age': preflightMaxAgeSeconds,
      })
      response.end()
      return true
    },
  }
}
