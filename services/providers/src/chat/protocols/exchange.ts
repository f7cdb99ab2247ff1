/**
 * One HTTP exchange with an upstream, over undici's dispatcher: it tells when the connection stands (so that connecting
 * has its own timeout), hands out body pieces without a stream in between, and can be given up at any moment.
 */
import { MeshError } from '@clawmesh/contracts'
import type { Dispatcher } from 'undici'
import { decodedBody } from './body-encoding.ts'
import { cancelledBy, UpstreamFailure } from './failure.ts'
import { objectOf, textOf } from './json.ts'

export interface UpstreamRequest {
  method: 'GET' | 'POST'
  url: URL
  headers: Record<string, string>
  body?: string
  /** A stream of events is asked for. */
  streams?: boolean
}

/** All in milliseconds. */
export interface CallTimeouts {
  /** From the call until a connection stands. */
  connectMs: number
  /** From the connection until the first event of a stream. */
  firstTokenMs: number
  /** Between two pieces of a stream. */
  idleMs: number
  /** From the connection until the last byte of an answer that is not streamed. */
  wholeMs: number
}

export const defaultTimeouts: CallTimeouts = {
  connectMs: 10_000,
  firstTokenMs: 120_000,
  idleMs: 120_000,
  wholeMs: 300_000,
}

export type ResponseHeaders = Record<string, string | string[] | undefined>

export interface Exchange {
  /** Status and headers. Rejects with an UpstreamFailure, or with the MeshError of a refused address. */
  readonly head: Promise<{ status: number; headers: ResponseHeaders }>
  /** The next piece of the body, decompressed, undefined after the last. Rejects like `head`. */
  read(): Promise<Buffer | undefined>
  /** From now on only silence counts: the longest wait for the next piece, milliseconds. */
  expectPieces(idleMs: number): void
  /** The answer is complete: what may still come is thrown away, so that the connection can be used again. */
  finish(): void
  /** Gives the exchange up; its connection is closed unless the answer had ended. */
  close(): void
}

/** What a connection failure is called in an error message, by error code. */
const reasons: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  UND_ERR_SOCKET: 'connection closed',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host name could not be looked up',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'answer shorter or longer than announced',
}
const timeoutCodes = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])
const finalCodes = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|UND_ERR_(DESTROYED|CLOSED))/

const meshErrorIn = (error: unknown): MeshError | undefined => {
  if (error instanceof MeshError) return error
  const cause = objectOf(error)?.['cause']
  return cause === undefined ? undefined : meshErrorIn(cause)
}

const networkFailure = (error: unknown, answering: boolean): Error => {
  // An address that the guarded dispatcher refused.
  const refused = meshErrorIn(error)
  if (refused) return refused
  if (error instanceof UpstreamFailure) return error
  const code = textOf(objectOf(error)?.['code'])
  // The key goes out in a header; one that cannot be a header value cannot be a key.
  if (code === 'UND_ERR_INVALID_ARG') return new UpstreamFailure('credentials', 'invalid header value')
  if (timeoutCodes.has(code)) return new UpstreamFailure('timeout', 'connect timeout', { retryable: true })
  const reason = reasons[code] ?? (code === '' ? 'network error' : `network error ${code}`)
  return new UpstreamFailure(answering ? 'cut' : 'failed', reason, { retryable: !finalCodes.test(code) })
}

/** How much and how long a complete answer's tail is waited for. */
const tail = { bytes: 65_536, ms: 1_000 }
/** Pieces are held up in the socket above this, until the consumer has caught up. */
const bufferLimitBytes = 262_144

/** Starts an exchange. Nothing is thrown here; `head` tells. `answerMs` runs from the connection on. */
export const openExchange = (
  fetcher: Dispatcher,
  request: UpstreamRequest,
  options: { signal?: AbortSignal | undefined; connectMs: number; answerMs: number },
): Exchange => {
  const { signal } = options
  const head = Promise.withResolvers<{ status: number; headers: ResponseHeaders }>()
  // The failure may come before anybody waits.
  head.promise.catch(() => undefined)
  const pieces: Buffer[] = []
  let bufferedBytes = 0
  let waiting: PromiseWithResolvers<Buffer | undefined> | undefined
  let controller: Dispatcher.DispatchController | undefined
  let state: 'connecting' | 'waiting' | 'answering' | 'tail' | 'ended' | 'failed' = 'connecting'
  let failure: Error | undefined
  let tailBytes = 0
  let timer: NodeJS.Timeout | undefined
  let idleTimer: NodeJS.Timeout | undefined

  const settle = (): void => {
    clearTimeout(timer)
    clearTimeout(idleTimer)
    signal?.removeEventListener('abort', onAbort)
  }
  const fail = (error: Error): void => {
    if (state === 'ended' || state === 'failed') return
    state = 'failed'
    failure = error
    settle()
    head.reject(error)
    waiting?.reject(error)
    waiting = undefined
    controller?.abort(error)
  }
  const onAbort = (): void => fail(cancelledBy(signal!))
  const later = (ms: number, reason: string, retryable = false): NodeJS.Timeout =>
    setTimeout(() => fail(new UpstreamFailure('timeout', reason, { retryable })), ms)

  const readRaw = (): Promise<Buffer | undefined> => {
    // What came before a cut is still handed out: it may hold the reason, and the reader sees how far it got.
    const piece = signal?.aborted ? undefined : pieces.shift()
    if (piece) {
      bufferedBytes -= piece.length
      if (controller?.paused && bufferedBytes < bufferLimitBytes / 2) controller.resume()
      return Promise.resolve(piece)
    }
    if (failure) return Promise.reject(failure)
    if (state === 'ended') return Promise.resolve(undefined)
    waiting = Promise.withResolvers<Buffer | undefined>()
    // Only a wait for upstream counts as its silence; a slow consumer does not.
    idleTimer?.refresh()
    return waiting.promise
  }
  let read = readRaw

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(control) {
      controller = control
      if (state === 'failed') {
        control.abort(failure!)
        return
      }
      state = 'waiting'
      clearTimeout(timer)
      timer = later(options.answerMs, 'no answer in time')
    },
    onResponseStart(_control, status, headers) {
      if (status < 200 || state !== 'waiting') return
      state = 'answering'
      try {
        read = decodedBody(headers['content-encoding'], readRaw)
      } catch (error) {
        return fail(networkFailure(error, true))
      }
      head.resolve({ status, headers })
    },
    onResponseData(control, piece) {
      if (state === 'tail') {
        tailBytes += piece.length
        if (tailBytes > tail.bytes) fail(new UpstreamFailure('failed', 'answer went on after its end'))
        return
      }
      if (state !== 'answering') return
      if (waiting) {
        const taker = waiting
        waiting = undefined
        taker.resolve(piece)
        return
      }
      pieces.push(piece)
      bufferedBytes += piece.length
      if (bufferedBytes > bufferLimitBytes) control.pause()
    },
    onResponseEnd() {
      if (state === 'failed') return
      state = 'ended'
      settle()
      waiting?.resolve(undefined)
      waiting = undefined
    },
    onResponseError(_control, error) {
      fail(networkFailure(error, state === 'answering'))
    },
  }

  if (signal?.aborted) fail(cancelledBy(signal))
  else {
    signal?.addEventListener('abort', onAbort, { once: true })
    timer = later(options.connectMs, 'connect timeout', true)
    try {
      fetcher.dispatch(
        {
          origin: request.url.origin,
          path: request.url.pathname + request.url.search,
          method: request.method,
          headers: request.headers,
          body: request.body ?? null,
          // Both are watched here, to the millisecond and by their own rules.
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        handler,
      )
    } catch (error) {
      fail(networkFailure(error, false))
    }
  }

  return {
    head: head.promise,
    read: () => read(),
    expectPieces(idleMs) {
      if (state !== 'answering') return
      clearTimeout(timer)
      idleTimer = setTimeout(() => {
        if (waiting) fail(new UpstreamFailure('timeout', 'answer stalled'))
      }, idleMs)
    },
    finish() {
      if (state !== 'answering') return
      state = 'tail'
      settle()
      pieces.length = 0
      if (controller?.paused) controller.resume()
      timer = later(tail.ms, 'answer did not end')
      timer.unref()
    },
    close() {
      pieces.length = 0
      if (state === 'tail' || state === 'ended') return
      fail(new UpstreamFailure('cancelled', 'given up'))
    },
  }
}
