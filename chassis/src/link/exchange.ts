/** One call over whichever link: its deadline, its caller's patience, and tries again before the first answer. */
import { status as grpcStatus } from '@grpc/grpc-js'
import { MeshError, toMeshError } from '@clawmesh/contracts'
import { errorOf } from '../grpc/status.ts'
import type { LinkCall } from './call.ts'
import type { Opening, Link } from './client.ts'
import type { Status } from './codec.ts'
import { maxMessageBytes } from './limits.ts'
import { NoLinkError, type LinkPool } from './pool.ts'

/** Tries of one that was refused before anything was done. */
const maxRefusals = 5
const firstRetryMs = 50

export interface Exchange {
  /** The next message, undefined at the good end. @throws MeshError as the call failed, NoLinkError where there are none */
  next: () => Promise<Buffer | undefined>
  /** Whether the good end has been reached. */
  isOver: () => boolean
  /** Ends what is still under way. To be called in any case. */
  close: () => void
}

/** What a caller sends after its first message. */
export interface Rest {
  /** Sends it over a link that has been given the first; what was sent over another one before, too. */
  to: (link: LinkCall) => void
  /** Whether what was sent can be sent again. */
  isRepeatable: () => boolean
}

export interface ExchangeOptions {
  opening: Omit<Opening, 'timeoutMs'>
  /** Aborted when nobody waits any more. */
  signal: AbortSignal
  /** The service, as errors name it. */
  service: string
  /** The first message. */
  request: Buffer
  rest?: Rest
  /** 0 waits for ever. */
  timeoutMs: number
  /** How often it may be begun in all, the last time included, where nobody knows what became of it. */
  tries: number
  /** Which links will do; all, where absent. */
  suits?: (link: Link) => boolean
  /** Is given the status that the call ends with. */
  count: (code: number) => void
}

const isUnavailable = ({ code }: Status): boolean => code === Number(grpcStatus.UNAVAILABLE)
const isOk = ({ code }: Status): boolean => code === Number(grpcStatus.OK)
const statusWith = (code: number, details: string): Status => ({
  code,
  details,
  error: Buffer.alloc(0),
  refused: false,
})

/** Begins a call. The service's functions are `linkFunctions`; this knows bytes only. */
export const beginExchange = (pool: LinkPool, options: ExchangeOptions): Exchange => {
  const { opening, signal, service, request, rest, timeoutMs, tries: maxTries, suits, count } = options
  const deadlineMs = performance.now() + timeoutMs
  let current: LinkCall | undefined
  let tries = 0
  let answered = false
  let over = false
  let failure: { code: number; error: Error } | undefined
  let retrying: NodeJS.Timeout | undefined
  let waiting: (() => void) | undefined

  const wake = (): void => {
    const woken = waiting
    waiting = undefined
    woken?.()
  }
  const close = (): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    clearTimeout(retrying)
    signal.removeEventListener('abort', leave)
    count(failure?.code ?? current?.ended()?.code ?? grpcStatus.CANCELLED)
    current?.cancel()
  }
  const fail = (code: number, error: Error): void => {
    if (over) return
    failure = { code, error }
    close()
    wake()
  }
  const failWith = (status: Status): void =>
    fail(status.code, errorOf(status, service, new Error(`${status.code} ${status.details}`)))
  const leave = (): void => fail(grpcStatus.CANCELLED, new MeshError('CANCELLED', 'error.cancelled'))
  const tooLate = () => failWith(statusWith(grpcStatus.DEADLINE_EXCEEDED, 'no answer in time'))
  const timer = timeoutMs > 0 ? setTimeout(tooLate, timeoutMs) : undefined
  signal.addEventListener('abort', leave, { once: true })

  /** Tries again where that does no harm. */
  const settle = (status: Status): void => {
    const again = status.refused
      ? tries < maxRefusals && rest?.isRepeatable() !== false
      : !answered && isUnavailable(status) && tries < maxTries
    if (!again) return failWith(status)
    current = undefined
    if (status.refused && tries === 1) void attempt()
    else retrying = setTimeout(() => void attempt(), firstRetryMs * 2 ** (tries - 1) * (0.8 + Math.random() * 0.4))
  }

  const begin = (link: Link): void => {
    if (suits?.(link) === false) throw new NoLinkError(true)
    const leftMs = timeoutMs > 0 ? Math.max(1, Math.ceil(deadlineMs - performance.now())) : 0
    const opened = link.open({ ...opening, timeoutMs: leftMs }, wake)
    if (opened === undefined)
      return settle({ ...statusWith(grpcStatus.UNAVAILABLE, 'the link takes no call'), refused: true })
    current = opened
    void opened.send(request, rest === undefined ? 'last' : 'message')
    rest?.to(opened)
  }
  const attempt = async (): Promise<void> => {
    tries++
    try {
      const picked = pool.pick()
      const link = picked instanceof Promise ? await picked : picked
      if (!over) begin(link)
    } catch (thrown) {
      if (!(thrown instanceof NoLinkError)) fail(grpcStatus.INTERNAL, toMeshError(thrown))
      else if (thrown.unsupported) fail(grpcStatus.UNIMPLEMENTED, thrown)
      else settle(statusWith(grpcStatus.UNAVAILABLE, thrown.message))
    }
  }
  if (request.length > maxMessageBytes) failWith(statusWith(grpcStatus.RESOURCE_EXHAUSTED, 'a message is too large'))
  else void attempt()

  return {
    next: async () => {
      for (;;) {
        if (failure !== undefined) throw failure.error
        const message = current?.take()
        if (message !== undefined) {
          answered = true
          return message
        }
        const status = current?.ended()
        if (status !== undefined && isOk(status)) return undefined
        if (status !== undefined) settle(status)
        else await new Promise<void>((resolve) => (waiting = resolve))
      }
    },
    isOver: () => {
      const status = current?.ended()
      return status !== undefined && isOk(status)
    },
    close,
  }
}
