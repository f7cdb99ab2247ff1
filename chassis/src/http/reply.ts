import type { ServerResponse } from 'node:http'

/** An answer that is not simply the JSON of the first declared status. */
export type Reply<B> =
  | { readonly kind: 'json'; readonly status: number; readonly body: B; readonly headers?: Record<string, string> }
  | { readonly kind: 'stream'; readonly write: (response: ServerResponse) => Promise<void> }

/** A JSON answer with a status. */
export const reply = <B>(status: number, body: B, headers?: Record<string, string>): Reply<B> => ({
  kind: 'json',
  status,
  body,
  ...(headers === undefined ? {} : { headers }),
})

/** An answer that writes itself, such as server-sent events. It must end the response. */
export const streamed = (write: (response: ServerResponse) => Promise<void>): Reply<never> => ({
  kind: 'stream',
  write,
})

export const isReply = (value: unknown): value is Reply<unknown> =>
  typeof value === 'object' && value !== null && 'kind' in value && (value.kind === 'json' || value.kind === 'stream')
