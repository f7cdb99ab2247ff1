/** A plain HTTP server in the place of a service. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { keptConnections } from '../../../test/support/limits.ts'

export interface Upstream {
  url: string
  port: number
  stop: () => Promise<void>
}

export const startUpstream = async (handler: RequestListener, port = 0): Promise<Upstream> => {
  const server = createServer(keptConnections, handler)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const bound = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
