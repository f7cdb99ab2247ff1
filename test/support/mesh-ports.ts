/** Ports for processes that must know each other's before they start. */
import { createServer } from 'node:net'

/** Below the range that systems take ports of outgoing connections from, so that none is gone when it is needed. */
const lowest = 12_000
const highest = 32_000
/** Each of jest's workers takes from a part of its own: a port is bound seconds after it was given out. */
const parts = 8
const partSize = (highest - lowest) / parts
const ownLowest = lowest + (Number(process.env['JEST_WORKER_ID'] ?? 0) % parts) * partSize
const taken = new Set<number>()

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** A port of the loopback interface that is free, and that this process has not given out before. */
export const reservePort = async (): Promise<number> => {
  for (;;) {
    const port = ownLowest + Math.floor(Math.random() * partSize)
    if (taken.has(port)) continue
    taken.add(port)
    if (await isFree(port)) return port
  }
}
