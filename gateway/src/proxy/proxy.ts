/**
 * Passes requests on to a service in another process, through undici: http-proxy-middleware, which the plan named, took
 * three times the CPU (docs/adr/0015). The only file that knows which library does it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { discardBody, identityHeader, leavingHeader, notePassing } from '@clawmesh/chassis'
import { stripAnswerHeaders } from './hop-headers.ts'
import { createReplicas, type Replica } from './replicas.ts'
import { hasBody, headersOf, isShort, readWhole } from './request-body.ts'

export interface Passed {
  /** The caller's identity token. */
  identity: string
  /** The body, where it has been read. */
  body?: Buffer
  /** Is called when there is no answer, or none of what is left of it. */
  fail: (cause: Error) => void
}

export interface Proxy {
  /**
   * Sends a request on and its answer back, unbuffered both ways and at the pace of the slower side. A client that
   * goes away takes the upstream request with it at once.
   */
  forward: (request: IncomingMessage, response: ServerResponse, passed: Passed) => void
  close: () => void
}

const resets = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

type Body = AsyncIterable<Buffer> | Buffer | null

/** The body as it comes. Leaving off early does not end the request: its answer is on its way. */
const streamed = async function* (request: IncomingMessage, response: ServerResponse): AsyncGenerator<Buffer> {
  try {
    for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      notePassing(piece)
      yield piece
    }
  } finally {
    if (response.writableEnded) discardBody(request, response)
  }
}

const bodyOf = async (request: IncomingMessage, response: ServerResponse): Promise<Body> =>
  isShort(request) ? readWhole(request) : streamed(request, response)

/**
 * A proxy to the replicas of one service. One that cannot be connected to is passed over for the next: nothing of the
 * request has left by then, so its method and body do not matter. A connection that breaks before the answer, as a kept
 * one does when its replica leaves, is made good once for a GET or HEAD without a body (RFC 9110, section 9.2.2); the
 * service may have begun to act on anything else, so that fails and the client decides.
 */
export const createProxy = (targets: readonly URL[]): Proxy => {
  const replicas = createReplicas(targets)

  const send = async (
    request: IncomingMessage,
    response: ServerResponse,
    { identity, body: known, fail }: Passed,
  ): Promise<void> => {
    const body = known ?? (hasBody(request) ? await bodyOf(request, response) : null)
    request.headers[identityHeader] = identity
    const tried: Replica[] = []
    let repeatable = body === null && (request.method === 'GET' || request.method === 'HEAD')
    let under: Dispatcher.DispatchController | undefined
    let over = false
    const leave = () => {
      if (!over) under?.abort(new Error('the client has gone'))
    }
    response.once('close', leave)

    const attempt = async (): Promise<void> => {
      const replica = await replicas.pick(tried)
      if (replica === undefined) throw new Error('no replica can be reached')
      replica.underWay++
      let begun = false
      const end = () => {
        replica.underWay--
        under = undefined
      }
      const again = (fault: Error) => {
        if (response.destroyed) return
        attempt().catch(() => fail(fault))
      }
      replica.pool.dispatch(
        {
          path: request.url!,
          method: request.method as Dispatcher.HttpMethod,
          headers: headersOf(request),
          body: body as NonNullable<Dispatcher.DispatchOptions['body']> | null,
        },
        {
          onRequestStart: (controller) => {
            begun = true
            under = controller
            if (response.destroyed) leave()
          },
          onResponseStart: (_, status, headers, statusText) => {
            if (status < 200) return
            if (headers[leavingHeader] !== undefined) replicas.retire(replica)
            stripAnswerHeaders(headers)
            response.writeHead(status, statusText, headers)
          },
          onResponseData: (controller, chunk) => {
            notePassing(chunk)
            if (response.write(chunk)) return
            controller.pause()
            response.once('drain', () => controller.resume())
          },
          onResponseEnd: () => {
            end()
            over = true
            response.end()
          },
          onResponseError: (_, fault) => {
            end()
            if (!begun) {
              replicas.bench(replica)
              tried.push(replica)
              again(fault)
            } else if (!response.headersSent && repeatable && resets.has((fault as NodeJS.ErrnoException).code ?? '')) {
              repeatable = false
              again(fault)
            } else if (!response.destroyed) fail(fault)
          },
        },
      )
    }
    await attempt()
  }

  return {
    forward: (request, response, passed) => {
      send(request, response, passed).catch((fault: Error) => {
        if (!response.destroyed) passed.fail(fault)
      })
    },
    close: replicas.close,
  }
}
