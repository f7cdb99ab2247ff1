/** An HTTP request over a link, from the side that sends it on. */
import type { RequestHead } from '../http/exchange.ts'
import { beginExchange, type Rest } from './exchange.ts'
import { httpMethodOf } from './http-answer.ts'
import { decodeAnswerHead, encodeRequestHead, type AnswerHead } from './http-codec.ts'
import { countCall } from './metrics.ts'
import type { LinkPool } from './pool.ts'

export interface HttpCallOptions {
  service: string
  head: RequestHead
  /** Absent where there is none. */
  body?: Rest
  /** The caller's identity token. */
  identity: string
  /** Aborted when the client leaves. */
  signal: AbortSignal
}

export interface HttpCall {
  /** @throws MeshError as it failed, NoLinkError where replicas know HTTP only */
  head: () => Promise<AnswerHead>
  /** The next piece of the body, undefined at its end. @throws MeshError when it breaks off */
  next: () => Promise<Buffer | undefined>
  /** Whether all of the answer has been taken. */
  isOver: () => boolean
  /** Ends what is still under way. To be called in any case. */
  close: () => void
}

/**
 * Sends a request to one of a service's replicas. Where nothing was done with it, it is sent to another one, whatever it is.
 * One that breaks before its answer is made good once for a GET or HEAD without a body (RFC 9110, section 9.2.2); anything
 * else may have been acted on, so it fails.
 */
export const callHttp = (links: LinkPool, { service, head, body, identity, signal }: HttpCallOptions): HttpCall => {
  const method = httpMethodOf(service)
  const exchange = beginExchange(links, {
    opening: { method, identity, requestId: '', clientIp: '', traceparent: '' },
    signal,
    service,
    request: encodeRequestHead(head),
    ...(body === undefined ? {} : { rest: body }),
    timeoutMs: 0,
    tries: body === undefined && (head.method === 'GET' || head.method === 'HEAD') ? 2 : 1,
    suits: (link) => link.carriesHttp(),
    count: (code) => countCall(method, code),
  })
  return {
    head: async () => decodeAnswerHead((await exchange.next()) ?? Buffer.alloc(0)),
    next: exchange.next,
    isOver: exchange.isOver,
    close: exchange.close,
  }
}
