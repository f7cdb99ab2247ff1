/**
 * Gathers the frames of one turn of the event loop into one message, calls taking turns. What waits here was paid for with
 * credit, so it is bounded by the windows of the calls.
 */
import { encodeBatch, type Frame, type Kind } from './codec.ts'
import { maxPieceBytes } from './limits.ts'

/** A message is closed once it has this many bytes. */
const batchBytes = 262_144
/** No further message is written while this many bytes wait for the network. */
const unsentBytes = 2 * batchBytes
/** Around what a frame takes besides its payload. */
const overhead = 32

/** The frames of one call, in order. */
export interface Lane {
  push: (kind: Kind) => void
}

interface Queue {
  readonly frames: Frame[]
}

export interface Writer {
  lane: (call: number) => Lane
  /**
   * Sends before all that waits in lanes, in order: what is about the link itself, and what opens calls. The texts that an
   * opening names must not be replaced under way.
   */
  first: (frame: Frame) => void
  /** Whether everything has been written. */
  idle: () => boolean
  close: () => void
}

const sizeOf = ({ kind }: Frame): number =>
  kind?.$case === 'piece' || kind?.$case === 'message' || kind?.$case === 'last'
    ? overhead + kind.value.length
    : overhead

/** `write` sends a message and calls `done` once the network has it; `emptied` says that everything has been written. */
export const createWriter = (
  write: (batch: Buffer, done: () => void) => void,
  emptied: () => void = () => undefined,
): Writer => {
  const front: Frame[] = []
  const ready = new Set<Queue>()
  let scheduled = false
  let unsent = 0
  let closed = false

  const idle = (): boolean => front.length === 0 && ready.size === 0

  /** As much of a call's as it may send in its turn. */
  const takeTurn = (queue: Queue, batch: Frame[]): number => {
    let [size, count] = [0, 0]
    for (const frame of queue.frames) {
      if (size >= maxPieceBytes) break
      size += sizeOf(frame)
      count++
    }
    const taken = queue.frames.splice(0, count)
    batch.push(...taken)
    ready.delete(queue)
    if (queue.frames.length > 0) ready.add(queue)
    return size
  }

  const gather = (): Frame[] => {
    const batch = front.splice(0)
    let size = batch.length * overhead
    while (ready.size > 0 && size < batchBytes) {
      size += takeTurn(ready.values().next().value!, batch)
    }
    return batch
  }

  const flush = (): void => {
    scheduled = false
    while (!closed && unsent < unsentBytes && !idle()) {
      const batch = encodeBatch(gather())
      unsent += batch.length
      write(batch, () => {
        unsent -= batch.length
        if (!idle()) schedule()
      })
    }
    if (idle()) emptied()
  }
  const schedule = (): void => {
    if (scheduled || closed) return
    scheduled = true
    setImmediate(flush)
  }

  return {
    lane: (call) => {
      const queue: Queue = { frames: [] }
      return {
        push: (kind) => {
          if (closed) return
          queue.frames.push({ call, kind })
          if (queue.frames.length === 1) ready.add(queue)
          schedule()
        },
      }
    },
    first: (frame) => {
      if (closed) return
      front.push(frame)
      schedule()
    },
    idle,
    close: () => {
      closed = true
      front.length = 0
      ready.clear()
    },
  }
}
