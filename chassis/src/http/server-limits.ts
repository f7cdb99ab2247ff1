/** What a server allows its clients, against slow and greedy ones. */
export interface ServerLimits {
  /** The request line and all headers together. */
  maxHeaderBytes: number
  maxHeaders: number
  /** How long the headers of a request may take. */
  headersTimeoutMs: number
  /** How long a whole request may take to arrive, whatever its size. */
  requestTimeoutMs: number
  /** How long a body may take to arrive before its rate counts. */
  bodyGraceMs: number
  minBodyBytesPerSecond: number
  /** How long a client may take nothing of an answer that waits for it. */
  slowReaderMs: number
  /** How long a connection may be idle between two requests. */
  keepAliveTimeoutMs: number
}

export const defaultLimits: ServerLimits = {
  maxHeaderBytes: 32_768,
  maxHeaders: 200,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 600_000,
  bodyGraceMs: 10_000,
  minBodyBytesPerSecond: 1_024,
  slowReaderMs: 60_000,
  keepAliveTimeoutMs: 65_000,
}
