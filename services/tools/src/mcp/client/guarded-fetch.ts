/** How MCP clients reach the network: public addresses only, and never more at once than a bound. */
import { checkPublicUrl, createGuardedDispatcher } from '@clawmesh/chassis/fetch'
import type { FetchLike } from '@modelcontextprotocol/client'
import { fetch, type RequestInit } from 'undici'
import { createValueCounter, mostValues } from './value-counter.ts'

const newline = 10

/** Counts what is read, and fails beyond the bounds; of a stream of events each event counts by itself. */
const bounded = (maxBytes: number, isEvents: boolean): TransformStream<Uint8Array, Uint8Array> => {
  const counter = createValueCounter()
  let size = 0
  let last = 0
  const exceeds = (byte: number): boolean => {
    if (isEvents && byte === newline && last === newline) {
      size = 0
      counter.restart()
    } else size++
    // A line may end with a carriage return, too.
    if (byte !== 13) last = byte
    return size > maxBytes || counter.take(byte) > mostValues
  }
  return new TransformStream({
    transform: (chunk, controller) => {
      if (chunk.some(exceeds)) controller.error(new Error('the server says more than is read'))
      else controller.enqueue(chunk)
    },
  })
}

/**
 * A fetch for the SDK.
 * @param allow private hosts and ranges that the operator opens
 * @param streams whether events are read one by one; where answers are read whole, a stream of them has the same bound
 */
export const createMcpFetch = (
  allow: readonly string[],
  maxBytes: number,
  { streams = true }: { streams?: boolean } = {},
): { fetch: FetchLike; close: () => Promise<void> } => {
  const dispatcher = createGuardedDispatcher({ allow })
  return {
    fetch: async (input, init) => {
      const url = checkPublicUrl(input, { allow })
      const answer = await fetch(url, { ...(init as RequestInit), redirect: 'manual', dispatcher })
      const { status, statusText, body } = answer
      const headers = new Headers([...answer.headers])
      const isEvents = streams && answer.ok && headers.get('content-type')?.startsWith('text/event-stream') === true
      const read = body === null ? null : (body as ReadableStream<Uint8Array>).pipeThrough(bounded(maxBytes, isEvents))
      // A status without a body takes none, not even an empty one.
      return new Response([204, 205, 304].includes(status) ? null : read, { status, statusText, headers })
    },
    close: () => dispatcher.destroy(),
  }
}
