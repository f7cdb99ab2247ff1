/** Server-sent events (WHATWG HTML, section 9.2) as clients of chat APIs expect them: data lines, and names where asked. */
import { waitForDrain } from './drained.ts'
import type { HttpResponse } from './exchange.ts'

const keepAliveMs = 15_000

export interface EventStream {
  /** Sends one frame, of one line; waits while the reader is slow, and stops waiting when it has gone. */
  send: (data: string, event?: string, id?: string) => Promise<void>
  end: () => void
}

/** Turns a response into an event stream. A comment goes out every 15 s so that proxies keep the connection. */
export const eventStream = (response: HttpResponse): EventStream => {
  // Set one by one, so that whoever ends a response can ask it what it is.
  response.statusCode = 200
  response.setHeader('content-type', 'text/event-stream')
  response.setHeader('cache-control', 'no-cache')
  response.setHeader('x-accel-buffering', 'no')
  response.flushHeaders()
  const keepAlive = setInterval(() => response.write(': ping\n\n'), keepAliveMs)
  response.on('close', () => clearInterval(keepAlive))

  // Frames of one moment leave in one packet.
  let corked = false
  const uncork = () => {
    if (corked) response.uncork()
    corked = false
  }
  const cork = () => {
    if (corked) return
    corked = true
    response.cork()
    setImmediate(uncork)
  }

  return {
    send: async (data, event, id) => {
      if (response.destroyed) return
      cork()
      const named = (event === undefined ? '' : `event: ${event}\n`) + (id === undefined ? '' : `id: ${id}\n`)
      if (response.write(`${named}data: ${data}\n\n`)) return
      await waitForDrain(response, 'close')
    },
    end: () => {
      clearInterval(keepAlive)
      // Node would send the end of the body before what is held.
      uncork()
      response.end()
    },
  }
}
