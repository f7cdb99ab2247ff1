/** A node:http server with sane limits that can be drained. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorBody, MeshError } from '@clawmesh/contracts'

export interface DrainableServer {
  readonly server: Server
  readonly port: number
  /** From now on every answer asks its client to reconnect elsewhere. */
  lameDuck: () => void
  /** Refuses new connections and waits for open requests, at most `timeoutMs`; what is left ends with an error. */
  drain: (timeoutMs: number) => Promise<void>
}

/** With this header a replica tells the edge that it is leaving, so that requests go to the others. */
export const leavingHeader = 'x-clawmesh-leaving'

const limits = {
  headersTimeout: 15_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 32_768,
  connectionsCheckingInterval: 5_000,
} as const

/** How long a connection that falls idle is kept for one more request while the server leaves. */
const lastKeepAliveMs = 500
/** How long an answer that was ended early may take to reach its reader. */
const lastWordMs = 1_000

/** Ends an answer that has taken too long; a stream says so itself, as its status has been sent. */
const endEarly = (response: ServerResponse): void => {
  if (response.writableEnded) return
  const error = new MeshError('UNAVAILABLE', 'error.shutting_down')
  // Whoever is still writing to it meets an ended answer.
  response.on('error', () => undefined)
  // What is held back comes before the end.
  if (response.writableCorked > 0) response.uncork()
  if (!response.headersSent)
    response
      .writeHead(503, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(errorBody(error, 'en')))
  else if (String(response.getHeader('content-type')).startsWith('text/event-stream'))
    // It may have been in the middle of an event.
    response.end(`\n\ndata: ${JSON.stringify(errorBody(error, 'en', 'openai'))}\n\n`)
  else response.destroy()
}

/** Takes requests that leave HTTP, such as for a WebSocket; whoever takes one closes it too. */
export interface Upgrades {
  /** All others are served as plain requests. */
  wants: (request: IncomingMessage) => boolean
  handle: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

/** Listens on a host and port (0 picks a free one). @throws the listen error, such as EADDRINUSE */
export const listen = async (
  handler: RequestListener,
  host: string,
  port: number,
  upgrades: Upgrades = { wants: () => false, handle: (_request, socket) => void socket.destroy() },
): Promise<DrainableServer> => {
  let leaving = false
  const open = new Set<ServerResponse>()
  const options = { ...limits, noDelay: true, insecureHTTPParser: false, shouldUpgradeCallback: upgrades.wants }
  const server = createServer(options, (request, response) => {
    if (leaving) response.setHeader('connection', 'close')
    open.add(response)
    response.once('close', () => open.delete(response))
    handler(request, response)
  })
  server.on('upgrade', upgrades.handle)
  const leave = () => {
    leaving = true
    // An answer that began before promised to keep its connection, which nothing but this would close.
    server.keepAliveTimeout = lastKeepAliveMs
    server.keepAliveTimeoutBuffer = 0
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })

  return {
    server,
    port: (server.address() as AddressInfo).port,
    lameDuck: leave,
    drain: async (timeoutMs) => {
      leave()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      await Promise.race([closed, sleep(timeoutMs, undefined, { ref: false })])
      if (open.size > 0) {
        for (const response of open) endEarly(response)
        await Promise.race([closed, sleep(lastWordMs, undefined, { ref: false })])
      }
      server.closeAllConnections()
      await closed
    },
  }
}
