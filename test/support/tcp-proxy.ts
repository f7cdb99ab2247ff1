/** A TCP proxy in front of a server: shut, the server is gone for everyone behind it, whoever else uses it. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { reservePort } from './mesh-ports.ts'

export interface TcpProxy {
  readonly port: number
  /** Breaks every connection and refuses new ones, as a server that was killed does. */
  shut: () => Promise<void>
  /** Takes connections and bytes, and lets none of them through, as a server that hangs does. */
  stall: () => void
  /** Lets everything through again, on the same port. */
  open: () => Promise<void>
}

/** Passes on what comes, each part so much later, in order. */
const forward = (from: Socket, to: Socket, lagMs: () => number): void => {
  let before = Promise.resolve()
  from.on('data', (part: Buffer) => {
    const dueMs = performance.now() + lagMs()
    before = before.then(async () => {
      await sleep(Math.max(0, dueMs - performance.now()))
      to.write(part)
    })
  })
  from.on('end', () => void before.then(() => to.end()))
}

/** Opens a proxy to a port of this machine. `lagMs` is asked of every part that passes, and delays it. */
export const openTcpProxy = async (host: string, port: number, lagMs?: () => number): Promise<TcpProxy> => {
  const sockets = new Set<Socket>()
  let server: Server | undefined
  let stalled = false
  const ownPort = await reservePort()

  const pass = (near: Socket): void => {
    const far = connect({ host, port, noDelay: true })
    near.setNoDelay(true)
    const both = [near, far]
    for (const socket of both) {
      sockets.add(socket)
      socket.on('error', () => both.forEach((each) => each.destroy()))
      socket.on('close', () => {
        sockets.delete(socket)
        both.forEach((each) => each.destroy())
      })
    }
    if (lagMs === undefined) {
      near.pipe(far)
      far.pipe(near)
    } else {
      forward(near, far, lagMs)
      forward(far, near, lagMs)
    }
    if (stalled) both.forEach((socket) => socket.pause())
  }

  const open = async (): Promise<void> => {
    stalled = false
    for (const socket of sockets) socket.resume()
    if (server !== undefined) return
    server = createServer(pass).listen(ownPort, '127.0.0.1')
    await once(server, 'listening')
  }
  await open()

  return {
    port: ownPort,
    open,
    stall: () => {
      stalled = true
      for (const socket of sockets) socket.pause()
    },
    shut: async () => {
      if (server === undefined) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.resetAndDestroy()
      await closed
      server = undefined
    },
  }
}
