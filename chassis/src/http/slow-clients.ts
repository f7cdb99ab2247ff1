/** Cuts off clients that hold a connection by sending their body, or taking their answer, as slowly as they can. */
import type { ServerResponse } from 'node:http'
import { MeshError } from '@clawmesh/contracts'
import { refuse } from './refuse.ts'
import type { ServerLimits } from './server-limits.ts'

type SlowLimits = Pick<ServerLimits, 'bodyGraceMs' | 'minBodyBytesPerSecond' | 'slowReaderMs'>

/** What was last seen of an exchange; `sinceMs` is when its current stretch of waiting for the client began. */
interface Seen {
  body: { bytes: number; sinceMs: number }
  answer: { bytes: number; sinceMs: number }
}

const checkEveryMs = 1_000
const checksInTimeout = 4

/**
 * Looks at every open exchange now and then, from `watch` until none is open. Only waiting for the client counts: a body
 * that we do not read, because what is behind us is slow, is not late.
 */
export const watchSlowClients = (
  open: ReadonlySet<ServerResponse>,
  limits: SlowLimits,
): { watch: () => void; stop: () => void } => {
  const { bodyGraceMs, minBodyBytesPerSecond, slowReaderMs } = limits
  const exchanges = new WeakMap<ServerResponse, Seen>()

  const bodyIsLate = ({ req: request }: ServerResponse, seen: Seen['body'], nowMs: number): boolean => {
    if (request.complete || request.destroyed) return false
    const bytes = request.socket.bytesRead
    if (request.readableLength >= request.readableHighWaterMark) {
      Object.assign(seen, { bytes, sinceMs: nowMs })
      return false
    }
    const waitedMs = nowMs - seen.sinceMs
    return waitedMs > bodyGraceMs && ((bytes - seen.bytes) * 1_000) / waitedMs < minBodyBytesPerSecond
  }

  const readerIsLate = ({ socket }: ServerResponse, seen: Seen['answer'], nowMs: number): boolean => {
    if (socket === null) return false
    const bytes = socket.bytesWritten - socket.writableLength
    if (socket.writableLength === 0 || bytes !== seen.bytes) {
      Object.assign(seen, { bytes, sinceMs: nowMs })
      return false
    }
    return nowMs - seen.sinceMs > slowReaderMs
  }

  const check = (): void => {
    const nowMs = performance.now()
    for (const response of open) {
      const seen = exchanges.get(response)
      if (seen === undefined) {
        const { bytesRead: bytes } = response.req.socket
        exchanges.set(response, { body: { bytes, sinceMs: nowMs }, answer: { bytes: -1, sinceMs: nowMs } })
        continue
      }
      if (readerIsLate(response, seen.answer, nowMs)) response.destroy()
      else if (bodyIsLate(response, seen.body, nowMs)) {
        if (response.headersSent) response.destroy()
        else refuse(response, new MeshError('REQUEST_TIMEOUT', 'error.request_timeout'))
      }
    }
  }

  const shortestMs = Math.min(bodyGraceMs, slowReaderMs)
  const everyMs = Math.min(checkEveryMs, Math.ceil(shortestMs / checksInTimeout))
  let timer: NodeJS.Timeout | undefined
  const stop = () => {
    clearInterval(timer)
    timer = undefined
  }
  return {
    watch: () => {
      timer ??= setInterval(() => (open.size === 0 ? stop() : check()), everyMs).unref()
    },
    stop,
  }
}
