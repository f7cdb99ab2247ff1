/** A request and its answer as services see them, whatever carries them: node:http, or a link from the edge. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import type { Writable } from 'node:stream'
import type { Caller } from '@clawmesh/contracts'

export interface RequestHead {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

/** A head, and bytes where they are asked for. */
export interface Incoming extends RequestHead {
  /** Who the edge says is calling. @throws UNAUTHORIZED when it vouches for nobody */
  readonly caller: () => Promise<Caller>
  /** The whole body. @throws PAYLOAD_TOO_LARGE, CANCELLED when the client leaves before its end */
  readonly body: (limitBytes: number) => Promise<Buffer>
  /** The body as it comes, at the pace of who reads it. @throws as `body`, when it is read that far */
  readonly pieces: (limitBytes: number) => AsyncIterable<Buffer>
  /** Aborted when the client leaves before the end of the answer. */
  readonly signal: () => AbortSignal
}

/** What a streamed answer is written to; node:http's response is one. */
export interface HttpResponse extends Writable {
  statusCode: number
  readonly headersSent: boolean
  setHeader: (name: string, value: string) => unknown
  getHeader: (name: string) => unknown
  flushHeaders: () => void
  /** The head leaves with the first of the body, or when it is flushed. */
  writeHead: (status: number, headers?: OutgoingHttpHeaders) => this
}

/** An answer whose body is known. */
export interface WholeAnswer {
  readonly kind: 'whole'
  readonly status: number
  readonly headers: Readonly<Record<string, string | number>>
  readonly body: string
  /** It says that something went wrong; the body of the request may be unread. */
  readonly isError: boolean
}

/** One that writes itself: a head and chunks. */
export interface StreamedAnswer {
  readonly kind: 'stream'
  /** Ends the response. Where it fails before its head, nothing is sent, and what comes back is to be sent instead. */
  readonly write: (response: HttpResponse) => Promise<WholeAnswer | undefined>
}

export type Outgoing = WholeAnswer | StreamedAnswer

/** Answers every request to a service; never throws. */
export type HttpExchange = (incoming: Incoming) => Promise<Outgoing>
