/** One call over whichever link: its deadline, its caller's patience, and tries again before the first answer. */
import { status as grpcStatus } from '@grpc/grpc-js'
import { MeshError, toMeshError } from '@clawmesh/contracts'
import type { Call } from '../call.ts'
import { errorOf } from '../grpc/status.ts'
import type { LinkCall } from './call.ts'
import type { Opening, Link } from './client.ts'
import type { Status } from './codec.ts'
import { maxMessageBytes } from './limits.ts'
import { NoLinkError, type LinkPool } from './pool.ts'

/** Tries of a call that may be made twice, the first included. */
const maxTries = 3
/** Tries of one that was refused before anything was done. */
const maxRefusals = 5
const firstRetryMs = 50

export interface Exchange {
  /** The next message, undefined at the good end. @throws MeshError as the call failed, NoLinkError where there are none */
  next: () => Promise<Buffer | undefined>
  /** Ends what is still under way. To be called in any case. */
  close: () => void
}

export interface ExchangeOptions {
  call: Call
  /** The service, as errors name it. */
  service: string
  /** Path of the method. */
  method: string
  identity: string
  traceparent: string
  request: Buffer
  timeoutMs: number
  /** Whether it may be done twice. */
  idempotent: boolean
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
  const { call, service, method, identity, traceparent, request, timeoutMs, idempotent, count } = options
  const { signal, requestId, clientIp = '' } = call
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
  const timer = setTimeout(() => failWith(statusWith(grpcStatus.DEADLINE_EXCEEDED, 'no answer in time')), timeoutMs)
  signal.addEventListener('abort', leave, { once: true })

  /** Tries again where that does no harm. */
  const settle = (status: Status): void => {
    const again = status.refused
      ? tries < maxRefusals
      : idempotent && !answered && isUnavailable(status) && tries < maxTries
    if (!again) return failWith(status)
    current = undefined
    if (status.refused && tries === 1) void attempt()
    else retrying = setTimeout(() => void attempt(), firstRetryMs * 2 ** (tries - 1) * (0.8 + Math.random() * 0.4))
  }

  const begin = (link: Link): void => {
    const opening: Opening = {
      method,
      identity,
      timeoutMs: Math.max(1, Math.ceil(deadlineMs - performance.now())),
      requestId,
      clientIp,
      traceparent,
    }
    const opened = link.open(opening, wake)
    if (opened === undefined) return settle(statusWith(grpcStatus.UNAVAILABLE, 'the link takes no call'))
    current = opened
    void opened.send(request, 'last')
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
    close,
  }
}
