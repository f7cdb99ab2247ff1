/** Runs what a call over a link asks for, and sends what comes of it. */
import { status as grpcStatus } from '@grpc/grpc-js'
import type { IdentityTokens } from '../auth/identity-token.ts'
import { clientIpIn, type Call } from '../call.ts'
import { statusOf } from '../grpc/status.ts'
import type { LooseFunctions, RpcDefinition } from '../grpc/types.ts'
import type { Logger } from '../log/logger.ts'
import { traced, tracedStream } from '../telemetry/telemetry.ts'
import type { LinkCall } from './call.ts'
import type { Open, Status } from './codec.ts'
import { maxMessageBytes } from './limits.ts'

type Method = RpcDefinition[string]

/** A method, and the function that answers it. */
interface Served {
  readonly method: Method
  readonly run: LooseFunctions[string]
}

export interface OpenedCall extends Omit<Open, 'method' | 'identity'> {
  /** Identity token of the caller, not verified yet. */
  readonly token: string
  readonly request: Buffer
}

/** What happens to a call while it is answered. */
export interface Course {
  /** Aborted when the caller has gone, or waits no longer. */
  readonly signal: AbortSignal
  /** Set by an answer that reads on: there is something to take, or the end. */
  changed?: () => void
  /** Set by one that can be ended before its time, when the process leaves. */
  endEarly?: () => void
}

/** Answers one call; kept when all of the answer is on its way, or nobody wants it any more. */
export type Answer = (link: LinkCall, opened: OpenedCall, course: Course) => Promise<void>

const ok: Status = { code: grpcStatus.OK, details: '', error: Buffer.alloc(0), refused: false }

/** A message as bytes. @throws Error when it is larger than the other side takes */
const bytesOf = ({ responseSerialize }: Method, message: unknown): Buffer => {
  const bytes = (responseSerialize as (value: unknown) => Buffer)(message)
  if (bytes.length > maxMessageBytes) throw new Error('an answer is too large')
  return bytes
}

/** Gives the answers of functions. */
export const createAnswers = (tokens: IdentityTokens, log: Logger): ((served: Served) => Answer) => {
  const callOf = async ({ token, requestId, clientIp }: OpenedCall, signal: AbortSignal): Promise<Call> => ({
    caller: await tokens.verify(token),
    requestId,
    signal,
    ...clientIpIn(clientIp),
  })

  const sendAll = async (link: LinkCall, { method, run }: Served, opened: OpenedCall, signal: AbortSignal) => {
    const call = await callOf(opened, signal)
    const { traceparent } = opened
    const work = { name: method.path.slice(1), kind: 'server', carrier: { traceparent } } as const
    const request = method.requestDeserialize(opened.request)
    if (!method.responseStream) {
      const response = await traced(work, () => run(call, request) as Promise<unknown>)
      await link.send(bytesOf(method, response), 'last')
      return
    }
    for await (const message of tracedStream(work, () => run(call, request) as AsyncIterable<unknown>)) {
      if (signal.aborted) return
      const sent = link.send(bytesOf(method, message), 'message')
      if (sent !== undefined) await sent
    }
    link.end(ok)
  }

  return (served) =>
    async (link, opened, { signal }) => {
      try {
        await sendAll(link, served, opened, signal)
      } catch (thrown) {
        const status = statusOf(thrown)
        log[status.details === 'INTERNAL' ? 'error' : 'debug']({ err: thrown, path: served.method.path }, 'call failed')
        link.end({ ...status, refused: false })
      }
    }
}
