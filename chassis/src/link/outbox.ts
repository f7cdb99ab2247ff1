/** The sending half of a call's flow control: cuts messages into frames, as far as the other side's credit goes. */
import { frameCost, maxPieceBytes, windowBytes } from './limits.ts'

export type Portion = 'piece' | 'message' | 'last'

interface Waiting {
  rest: Buffer
  readonly kind: 'message' | 'last'
  readonly sent: () => void
}

export interface Outbox {
  /**
   * Sends a message, `last` when it is the good end of all. Undefined when all of it is on its way, else a promise of
   * that; whoever sends more before it is kept holds more in memory.
   */
  send: (bytes: Buffer, kind: 'message' | 'last') => Promise<void> | undefined
  /** The other side takes so many bytes more. @throws Error when it says that more often than it can */
  grow: (bytes: number) => void
  /** Nobody waits any more. */
  close: () => void
}

/** `emit` is given what may leave now, in order. */
export const createOutbox = (emit: (portion: Portion, bytes: Buffer) => void): Outbox => {
  let credit = windowBytes
  let closed = false
  const waiting: Waiting[] = []

  /** Emits as much as the credit allows; what is left of the message, undefined when nothing is. */
  const cut = (bytes: Buffer, kind: 'message' | 'last'): Buffer | undefined => {
    let rest = bytes
    for (;;) {
      if (rest.length <= maxPieceBytes && rest.length + frameCost <= credit) {
        credit -= rest.length + frameCost
        emit(kind, rest)
        return undefined
      }
      const length = Math.min(rest.length - 1, maxPieceBytes, credit - frameCost)
      if (length <= 0) return rest
      credit -= length + frameCost
      emit('piece', rest.subarray(0, length))
      rest = rest.subarray(length)
    }
  }

  return {
    send: (bytes, kind) => {
      if (closed) return undefined
      const rest = waiting.length === 0 ? cut(bytes, kind) : bytes
      if (rest === undefined) return undefined
      return new Promise((sent) => waiting.push({ rest, kind, sent }))
    },
    grow: (bytes) => {
      credit += bytes
      if (credit > windowBytes) throw new Error('more credit than there is')
      while (waiting.length > 0) {
        const [next] = waiting as [Waiting]
        const rest = cut(next.rest, next.kind)
        if (rest !== undefined) {
          next.rest = rest
          return
        }
        waiting.shift()
        next.sent()
      }
    },
    close: () => {
      closed = true
      for (const { sent } of waiting.splice(0)) sent()
    },
  }
}
