/** A node:http server with sane limits that can be drained. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { endEarly } from './end-early.ts'
import { createClientErrorAnswerer, faultOfHead, refuse, refuseTunnel } from './refuse.ts'
import { defaultLimits, type ServerLimits } from './server-limits.ts'
import { watchSlowClients } from './slow-clients.ts'

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

/** Timeouts are looked at this often, and at least this often while one lasts. */
const longestCheckMs = 5_000
const checksInTimeout = 4
/** A client that vanished without a word is found by TCP after this. */
const keepAliveProbeMs = 30_000

/** How long a connection that falls idle is kept for one more request while the server leaves. */
const lastKeepAliveMs = 500
/** How long an answer that was ended early may take to reach its reader. */
const lastWordMs = 1_000

/** Takes requests that leave HTTP, such as for a WebSocket; whoever takes one closes it too. */
export interface Upgrades {
  /** All others are served as plain requests. */
  wants: (request: IncomingMessage) => boolean
  handle: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

const noUpgrades: Upgrades = { wants: () => false, handle: (_request, socket) => void socket.destroy() }

export interface ListenOptions {
  limits?: Partial<ServerLimits>
  /** The handler itself calls `writeContinue` for a client that waits for it; else every such client is told to go on. */
  handlerContinues?: true
  upgrades?: Upgrades
}

/**
 * Listens on a host and port (0 picks a free one). Requests that cannot be read, are too large or come too slowly are
 * answered in JSON and their connection is closed. @throws the listen error, such as EADDRINUSE
 */
export const listen = async (
  handler: RequestListener,
  host: string,
  port: number,
  { limits: given = {}, handlerContinues, upgrades = noUpgrades }: ListenOptions = {},
): Promise<DrainableServer> => {
  const limits = { ...defaultLimits, ...given }
  let leaving = false
  const open = new Set<ServerResponse>()
  const refused = new WeakSet<object>()
  const serve: RequestListener = (request, response) => {
    if (leaving) response.setHeader('connection', 'close')
    open.add(response)
    slow.watch()
    response.once('close', () => open.delete(response))
    // What follows a refused request on its connection is not to be believed; the connection is about to close.
    if (refused.has(request.socket)) return
    const fault = faultOfHead(request, limits)
    if (fault === undefined) handler(request, response)
    else {
      refused.add(request.socket)
      refuse(response, fault)
    }
  }
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(longestCheckMs, Math.ceil(limits.headersTimeoutMs / checksInTimeout)),
      keepAlive: true,
      keepAliveInitialDelay: keepAliveProbeMs,
      noDelay: true,
      insecureHTTPParser: false,
      // Checked with the rest of the head, and answered like it.
      requireHostHeader: false,
      shouldUpgradeCallback: (request) => upgrades.wants(request) && faultOfHead(request, limits) === undefined,
    },
    serve,
  )
  // What is beyond this number Node drops in silence: one more than allowed shows that there were too many.
  server.maxHeadersCount = limits.maxHeaders + 1
  if (handlerContinues) server.on('checkContinue', serve)
  // Whatever else a client expects is its own affair (RFC 9110, section 10.1.1).
  server.on('checkExpectation', serve)
  server.on('connect', (_request, socket) => refuseTunnel(socket))
  server.on('upgrade', upgrades.handle)
  server.on('clientError', createClientErrorAnswerer(open, limits))
  const slow = watchSlowClients(open, limits)
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
        for (const response of open)
          endEarly(response, { url: response.req.url, requestId: response.getHeader('x-request-id') })
        await Promise.race([closed, sleep(lastWordMs, undefined, { ref: false })])
      }
      server.closeAllConnections()
      await closed
      slow.stop()
    },
  }
}
