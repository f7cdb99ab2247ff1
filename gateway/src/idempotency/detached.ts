/** A request that runs on when its client has gone: the edge is the client of an exchange inside its own process. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { duplexPair } from 'node:stream'
import { stripHeaders } from '../proxy/hop-headers.ts'

type Handle = (request: IncomingMessage, response: ServerResponse) => void

export interface Exchange {
  /** The answer, once its head is there. */
  answer: Promise<IncomingMessage>
  /** Cuts the exchange off, while the body of the request is still on its way. */
  cut: () => void
}

/** Passes a request on to a handler by connections that no network carries. */
export const createDetachedExchanges = () => {
  const handlers = new WeakMap<object, Handle>()
  // Never listens; it takes the connections that it is handed.
  const server = createServer({ requestTimeout: 0, headersTimeout: 0 }, (request, response) =>
    handlers.get(request.socket)!(request, response),
  )

  return (request: IncomingMessage, handle: Handle): Exchange => {
    const [near, far] = duplexPair()
    // Connections wake up outside of any request; what follows belongs to this one, in traces too.
    const inContext = AsyncLocalStorage.snapshot()
    handlers.set(far, (inner, response) => inContext(() => handle(inner, response)))
    server.emit('connection', far as Socket)

    const headers = { ...request.headers }
    stripHeaders(headers)
    const sent = send({
      method: request.method!,
      path: request.url!,
      headers: { ...headers, connection: 'close' },
      // Any duplex stream will do (node:http, `createConnection`); the types know sockets only.
      createConnection: () => near,
    })
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve)
      // An answer may come before the body is read; what breaks then is the rest of the body.
      sent.on('error', reject)
    })
    answer.catch(() => undefined)
    request.pipe(sent)
    return { answer, cut: () => sent.destroy(new Error('the client has gone')) }
  }
}
