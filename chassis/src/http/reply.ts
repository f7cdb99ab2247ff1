import type { ServerResponse } from 'node:http'

/** Marks replies, so that no body can be taken for one. */
const replies = new WeakSet<object>()

/** An answer that is not simply the JSON of the first declared status. */
export type Reply<B> =
  | { readonly kind: 'json'; readonly status: number; readonly body: B; readonly headers: Record<string, string> }
  | { readonly kind: 'stream'; readonly write: (response: ServerResponse) => Promise<void> }

const marked = <R extends object>(value: R): R => {
  replies.add(value)
  return value
}

/** A JSON answer with a status, and headers of its own. */
export const reply = <B>(status: number, body: B, headers: Record<string, string> = {}): Reply<B> =>
  marked({ kind: 'json', status, body, headers })

/** An answer that writes itself, such as server-sent events. It must end the response. */
export const streamed = (write: (response: ServerResponse) => Promise<void>): Reply<never> =>
  marked({ kind: 'stream', write })

export const isReply = (value: unknown): value is Reply<unknown> =>
  typeof value === 'object' && value !== null && replies.has(value)
