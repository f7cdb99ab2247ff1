/** The Chrome DevTools Protocol over a pair of pipes (`--remote-debugging-pipe`): JSON texts, each ended by a zero byte. */
import type { Readable, Writable } from 'node:stream'
import type { ConnectionTransport } from 'puppeteer-core'

export interface TransportLimits {
  /** Of one message; what is longer ends the browser. */
  messageBytes: number
  /** So much may come at once; what is beyond waits, at `bytesPerSecond`. A page that talks without end stops nobody else. */
  burstBytes: number
  bytesPerSecond: number
}

const MiB = 1024 * 1024

export const defaultTransportLimits: TransportLimits = {
  messageBytes: 32 * MiB,
  burstBytes: 96 * MiB,
  bytesPerSecond: 4 * MiB,
}

/** @param fail told that the browser says more than is read */
export const createPipeTransport = (
  input: Writable,
  output: Readable,
  fail: () => void,
  limits: TransportLimits = defaultTransportLimits,
): ConnectionTransport => {
  let pieces: Buffer[] = []
  let size = 0
  let budget = limits.burstBytes
  let countedAt = performance.now()

  const spend = (bytes: number): void => {
    const now = performance.now()
    budget = Math.min(limits.burstBytes, budget + ((now - countedAt) / 1000) * limits.bytesPerSecond) - bytes
    countedAt = now
    if (budget >= 0) return
    output.pause()
    setTimeout(() => output.resume(), (-budget / limits.bytesPerSecond) * 1000).unref()
  }

  const transport: ConnectionTransport = {
    send: (message) => void input.write(`${message}\0`),
    close: () => void input.end(),
  }

  output.on('data', (chunk: Buffer) => {
    spend(chunk.length)
    let from = 0
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, from)) {
      const message = Buffer.concat([...pieces, chunk.subarray(from, end)]).toString()
      pieces = []
      size = 0
      from = end + 1
      transport.onmessage?.(message)
    }
    const rest = chunk.subarray(from)
    size += rest.length
    if (size > limits.messageBytes) {
      pieces = []
      output.destroy()
      fail()
      return
    }
    if (rest.length > 0) pieces.push(rest)
  })
  output.on('error', () => undefined)
  output.once('close', () => transport.onclose?.())
  return transport
}
