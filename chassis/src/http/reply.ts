import type { HttpResponse } from './exchange.ts'

/** Marks replies, so that no body can be taken for one. */
const replies = new WeakSet<object>()

/** An answer that is not simply the JSON of the first declared status. `A` is what a handler answers, `C` the contract's. */
export type Reply<A, C = A> =
  | { readonly kind: 'json'; readonly status: number; readonly body: A; readonly headers: Record<string, string> }
  | { readonly kind: 'verbatim'; readonly status: number; readonly body: C; readonly headers: Record<string, string> }
  | { readonly kind: 'stream'; readonly write: (response: HttpResponse) => Promise<void> }

const marked = <R extends object>(value: R): R => {
  replies.add(value)
  return value
}

/** A JSON answer with a status, and headers of its own. */
export const reply = <A>(status: number, body: A, headers: Record<string, string> = {}): Reply<A, never> =>
  marked({ kind: 'json', status, body, headers })

/** A JSON answer that is in the contract's form already: what is built from a vendor's protocol, say. */
export const verbatim = <C>(status: number, body: C, headers: Record<string, string> = {}): Reply<never, C> =>
  marked({ kind: 'verbatim', status, body, headers })

/** An answer that writes itself, such as server-sent events. It must end the response. */
export const streamed = (write: (response: HttpResponse) => Promise<void>): Reply<never, never> =>
  marked({ kind: 'stream', write })

export const isReply = (value: unknown): value is Reply<unknown> =>
  typeof value === 'object' && value !== null && replies.has(value)
