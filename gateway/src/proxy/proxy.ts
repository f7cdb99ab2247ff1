/** Passes requests on to a service in another process. The only file that knows which library does it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { leavingHeader } from '@clawmesh/chassis'
import { stripAnswerHeaders } from './hop-headers.ts'
import { upstreamAgent } from './upstream-agent.ts'

export interface Proxy {
  /**
   * Sends a request on and its answer back, unbuffered both ways and at the pace of the slower side. A client that
   * goes away takes the upstream request with it at once. `fail` is called when there is no answer to send.
   */
  forward: (request: IncomingMessage, response: ServerResponse, fail: (cause: Error) => void) => void
  close: () => void
}

/** Kept on the request itself: a WeakMap from requests to these cost 30 us of garbage collection a request. */
const exchange = Symbol('exchange')

interface Exchange {
  readonly fail: (cause: Error) => void
  repeatable: boolean
}

type Forwarded = IncomingMessage & { [exchange]?: Exchange | undefined }

const resets = new Set(['ECONNRESET', 'EPIPE'])

/** Repeating changes nothing upstream, and nothing of the request is used up (RFC 9110, section 9.2.2). */
const isRepeatable = ({ method, headers }: IncomingMessage): boolean =>
  (method === 'GET' || method === 'HEAD') &&
  headers['transfer-encoding'] === undefined &&
  Number(headers['content-length'] ?? 0) === 0

/**
 * A proxy to the replicas of one service. A connection that cannot be made is tried at the next replica by the agent.
 * One that breaks before the answer, as a kept connection does when its replica leaves, is repeated once for GET and
 * HEAD; the service may have begun to act on anything else, so that fails and the client decides.
 */
export const createProxy = (targets: readonly URL[]): Proxy => {
  const { agent, retire } = upstreamAgent(targets)

  const onError = (cause: NodeJS.ErrnoException, request: Forwarded, response: ServerResponse) => {
    const failing = request[exchange]
    if (failing === undefined || response.destroyed) return
    if (failing.repeatable && !response.headersSent && resets.has(cause.code ?? '')) {
      failing.repeatable = false
      void send(request, response)
      return
    }
    request[exchange] = undefined
    failing.fail(cause)
  }

  const send = createProxyMiddleware<Forwarded, ServerResponse>({
    target: targets[0]!,
    agent,
    // The library's own plugins only log and word errors; both are done here.
    ejectPlugins: true,
    plugins: [
      (proxy) => {
        proxy.on('error', (cause, request, response) => onError(cause, request!, response as ServerResponse))
        proxy.on('proxyRes', (answer, request, response) => {
          if (answer.headers[leavingHeader] !== undefined) retire(answer.socket)
          stripAnswerHeaders(answer.headers)
          // Whether this connection goes on is ours to say: the client may have asked to close it, or we are leaving.
          const closes = response.hasHeader('connection') || !response.shouldKeepAlive
          answer.headers.connection = closes ? 'close' : 'keep-alive'
        })
      },
    ],
  })

  return {
    forward: (request: Forwarded, response, fail) => {
      request[exchange] = { fail, repeatable: isRepeatable(request) }
      void send(request, response)
    },
    close: () => agent.destroy(),
  }
}
