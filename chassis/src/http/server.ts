/** A node:http server with sane limits that can be drained. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface DrainableServer {
  readonly server: Server
  readonly port: number
  /** From now on every answer asks its client to reconnect elsewhere. */
  lameDuck: () => void
  /** Refuses new connections and waits for open requests, at most `timeoutMs`; what is left is cut. */
  drain: (timeoutMs: number) => Promise<void>
}

const limits = {
  headersTimeout: 15_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 32_768,
  connectionsCheckingInterval: 5_000,
} as const

/** Listens on a host and port (0 picks a free one). @throws the listen error, such as EADDRINUSE */
export const listen = async (handler: RequestListener, host: string, port: number): Promise<DrainableServer> => {
  let leaving = false
  const server = createServer({ ...limits, noDelay: true, insecureHTTPParser: false }, (request, response) => {
    if (leaving) response.setHeader('connection', 'close')
    handler(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })

  return {
    server,
    port: (server.address() as AddressInfo).port,
    lameDuck: () => {
      leaving = true
    },
    drain: async (timeoutMs) => {
      leaving = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      await Promise.race([closed, sleep(timeoutMs, undefined, { ref: false })])
      server.closeAllConnections()
      await closed
    },
  }
}
