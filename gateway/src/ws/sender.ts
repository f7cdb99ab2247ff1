/** The outgoing half of a connection: it never holds more than its limits, however slow the reader is. */
import type { Writable } from 'node:stream'
import { wsCloseCodes } from '@clawmesh/contracts'
import type { WebSocket } from 'ws'
import type { SocketLimits } from './limits.ts'

export interface Sender {
  /** Sends an answer. A reader so slow that too much waits already loses its connection, never an answer alone. */
  answer: (frame: string) => void
  /** Sends an event, given without its closing part; left out when too much waits, which leaves a gap in `seq`. */
  event: (opening: string) => void
  /** Says goodbye; who does not answer is cut off. */
  close: (code: number, reason: string) => void
  /** Ends the connection at once. */
  cut: () => void
  queued: () => number
}

/** Text of an event frame up to its sequence number, which each connection has its own. */
export const eventOpening = (event: string, payload: unknown): string =>
  `{"type":"event","event":${JSON.stringify(event)}${payload === undefined ? '' : `,"payload":${JSON.stringify(payload)}`}`

/** Frames of one turn of the event loop leave in one write: a chunk is up to three, and a write costs more than they do. */
const createGathering = (connection: Writable): (() => void) => {
  let gathers = false
  return () => {
    if (gathers) return
    gathers = true
    connection.cork()
    setImmediate(() => {
      gathers = false
      connection.uncork()
    })
  }
}

/** @param connection what `socket` writes to */
export const createSender = (socket: WebSocket, connection: Writable, limits: SocketLimits): Sender => {
  const { queueFrames, queueBytes, writeDeadlineMs, closeMs } = limits
  let queued = 0
  let seq = 0
  let deadline: NodeJS.Timeout | undefined
  const gather = createGathering(connection)

  const isFull = (times: number) => queued >= queueFrames * times || socket.bufferedAmount >= queueBytes * times
  const flushed = () => {
    queued--
    if (queued > 0) deadline?.refresh()
    else {
      clearTimeout(deadline)
      deadline = undefined
    }
  }
  const send = (frame: string) => {
    if (socket.readyState !== socket.OPEN) return
    queued++
    deadline ??= setTimeout(() => socket.terminate(), writeDeadlineMs)
    gather()
    socket.send(frame, flushed)
  }
  let cutOff: NodeJS.Timeout | undefined
  const close = (code: number, reason: string) => {
    if (socket.readyState !== socket.OPEN) return
    socket.close(code, reason)
    cutOff = setTimeout(() => socket.terminate(), closeMs)
  }
  socket.once('close', () => {
    clearTimeout(deadline)
    clearTimeout(cutOff)
  })

  return {
    answer: (frame) => (isFull(4) ? close(wsCloseCodes.overloaded, 'reading too slowly') : send(frame)),
    event: (opening) => {
      seq++
      if (!isFull(1)) send(`${opening},"seq":${seq}}`)
    },
    close,
    cut: () => socket.terminate(),
    queued: () => queued,
  }
}
