/** The receiving half of a call's flow control: puts messages together, and gives credit as they are read. */
import type { Status } from './codec.ts'
import { frameCost, maxMessageBytes, maxPieceBytes, windowBytes } from './limits.ts'
import type { Portion } from './outbox.ts'

interface Held {
  bytes: Buffer
  /** What reading it gives back to the sender. */
  readonly cost: number
}

export interface Inbox {
  /** Takes in what came. @throws Error when the sender had no credit for it, or a message is too large */
  arrive: (portion: Portion, bytes: Buffer) => void
  /** Nothing more comes. */
  end: (status: Status) => void
  /** The next message, undefined while there is none. */
  take: () => Buffer | undefined
  /** How it ended, once every message has been taken. */
  ended: () => Status | undefined
  /** Bytes that are held for the reader. */
  held: () => number
}

const ok: Status = { code: 0, details: '', error: Buffer.alloc(0), refused: false }

/** A part of a batch would keep all of it in memory for as long as it waits. */
const detached = (bytes: Buffer): Buffer => (bytes.buffer.byteLength > 2 * bytes.length ? Buffer.from(bytes) : bytes)

/**
 * `grant` tells the sender that it may send so much more; `changed` says that there is something to take, or the end.
 * Memory: a window, and one message in the making. Parts of that are credited at once while nothing else waits to be read,
 * so a message may be larger than a window.
 */
export const createInbox = (grant: (bytes: number) => void, changed: () => void): Inbox => {
  const messages: Held[] = []
  let status: Status | undefined
  let credit = windowBytes
  /** What was read and not yet credited: small credits are gathered. */
  let free = 0
  let pieces: Buffer[] = []
  let piecesBytes = 0
  let piecesCost = 0

  const release = (cost: number): void => {
    free += cost
    if (free < windowBytes / 2 || status !== undefined) return
    credit += free
    grant(free)
    free = 0
  }
  const add = (bytes: Buffer, cost: number): void => {
    pieces.push(detached(bytes))
    piecesBytes += bytes.length
    if (piecesBytes > maxMessageBytes) throw new Error('a message is too large')
    if (messages.length === 0) release(cost)
    else piecesCost += cost
  }
  const whole = (bytes: Buffer): Buffer => {
    if (pieces.length === 0) return bytes
    const all = Buffer.concat([...pieces, bytes])
    pieces = []
    piecesBytes = 0
    return all
  }

  return {
    arrive: (portion, bytes) => {
      if (status !== undefined) throw new Error('a message after the end')
      const cost = bytes.length + frameCost
      if (cost > credit || bytes.length > maxPieceBytes) throw new Error('more than there was credit for')
      credit -= cost
      if (portion === 'piece') return add(bytes, cost)
      if (piecesBytes + bytes.length > maxMessageBytes) throw new Error('a message is too large')
      const message: Held = { bytes: whole(bytes), cost: cost + piecesCost }
      piecesCost = 0
      messages.push(message)
      if (portion === 'last') status = ok
      changed()
      // Whoever was waiting has taken it; all others wait for a slow reader.
      if (messages.at(-1) === message) message.bytes = detached(message.bytes)
    },
    end: (how) => {
      if (status !== undefined) return
      status = how
      changed()
    },
    take: () => {
      const message = messages.shift()
      if (message === undefined) return undefined
      release(message.cost)
      if (messages.length === 0 && piecesCost > 0) {
        const cost = piecesCost
        piecesCost = 0
        release(cost)
      }
      return message.bytes
    },
    ended: () => (messages.length === 0 ? status : undefined),
    held: () => messages.reduce((sum, { bytes }) => sum + bytes.length, piecesBytes),
  }
}
