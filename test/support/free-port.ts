/** Ports for servers that cannot choose one themselves. */
import { createServer } from 'node:net'

/** A TCP port of the loopback interface that was free a moment ago. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/**
 * Starts something on a free port; another program may take that port in between, so up to three are tried.
 *
 * @param port fixed port, which is tried once
 */
export async function startOnFreePort<T>(port: number | undefined, start: (port: number) => Promise<T>): Promise<T> {
  if (port !== undefined) return start(port)
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await findFreePort())
    } catch (error) {
      if (attempt === 3 || !/address already in use|could not bind/i.test(String(error))) throw error
    }
  }
}
