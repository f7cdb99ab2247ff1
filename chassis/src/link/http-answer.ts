/** Answers HTTP requests that come over links. */
import { setTimeout as sleep } from 'node:timers/promises'
import { status as grpcStatus } from '@grpc/grpc-js'
import { MeshError } from '@clawmesh/contracts'
import type { IdentityTokens } from '../auth/identity-token.ts'
import { endEarly, leavingAnswer } from '../http/end-early.ts'
import type { HttpExchange, Incoming, WholeAnswer } from '../http/exchange.ts'
import { checkLength, createBodyCollector, withinLimit } from '../http/json-body.ts'
import type { Answer, Course } from './answer.ts'
import type { LinkCall } from './call.ts'
import type { Status } from './codec.ts'
import { decodeRequestHead, encodeAnswerHead } from './http-codec.ts'
import { isBodiless, LinkedResponse } from './http-response.ts'
import { maxPieceBytes } from './limits.ts'

/** How long an answer that was ended early may take to leave. */
const lastWordMs = 1_000

/** The method that calls a service's HTTP operations. */
export const httpMethodOf = (service: string): string => `http/${service}`

/** With this in the initial metadata of a link a server says that it takes such calls. */
export const httpMetadata = 'clawmesh-link-http'

const statusWith = (code: number, details: string, refused: boolean): Status => ({
  code,
  details,
  error: Buffer.alloc(0),
  refused,
})

/** Waits for the next message; undefined at the end. @throws CANCELLED when the caller has gone before it */
const nextMessage = async (link: LinkCall, course: Course): Promise<Buffer | undefined> => {
  for (;;) {
    const message = link.take()
    if (message !== undefined) return message
    const ended = link.ended()
    if (ended?.code === Number(grpcStatus.OK)) return undefined
    if (ended !== undefined) throw new MeshError('CANCELLED', 'error.cancelled')
    await new Promise<void>((changed) => (course.changed = changed))
  }
}

const readBody = async (
  link: LinkCall,
  course: Course,
  { headers }: Pick<Incoming, 'headers'>,
  limitBytes: number,
): Promise<Buffer> => {
  checkLength(headers, limitBytes)
  const { add, whole } = createBodyCollector(limitBytes)
  for (;;) {
    const message = await nextMessage(link, course)
    if (message === undefined) return whole()
    const fault = add(message)
    if (fault !== undefined) throw fault
  }
}

const messagesOf = async function* (link: LinkCall, course: Course): AsyncGenerator<Buffer> {
  for (;;) {
    const message = await nextMessage(link, course)
    if (message === undefined) return
    yield message
  }
}

const bodyPieces = async function* (
  link: LinkCall,
  course: Course,
  { headers }: Pick<Incoming, 'headers'>,
  limitBytes: number,
): AsyncGenerator<Buffer> {
  checkLength(headers, limitBytes)
  yield* withinLimit(messagesOf(link, course), limitBytes)
}

const sendWhole = async (
  link: LinkCall,
  method: string,
  { status, headers, body }: Pick<WholeAnswer, 'status' | 'headers' | 'body'>,
): Promise<void> => {
  const bytes = isBodiless(method, status) ? Buffer.alloc(0) : Buffer.from(body)
  void link.send(encodeAnswerHead(status, headers), bytes.length === 0 ? 'last' : 'message')
  for (let at = 0; at < bytes.length; at += maxPieceBytes) {
    const sent = link.send(
      bytes.subarray(at, at + maxPieceBytes),
      at + maxPieceBytes < bytes.length ? 'message' : 'last',
    )
    if (sent !== undefined) await sent
  }
}

export interface HttpServing {
  /** How requests to each service are answered, by method. */
  answers: readonly (readonly [string, Answer])[]
  /** Takes no new requests and waits for open ones, at most `timeoutMs`; what is left ends with an error. */
  drain: (timeoutMs: number) => Promise<void>
}

/** Serves the given services' operations. */
export const serveHttp = (exchanges: ReadonlyMap<string, HttpExchange>, tokens: IdentityTokens): HttpServing => {
  const open = new Set<Course>()
  let draining = false
  let emptied: () => void = () => undefined

  const run = async (exchange: HttpExchange, incoming: Incoming, link: LinkCall, course: Course): Promise<void> => {
    const { method, url } = incoming
    const outgoing = await exchange(incoming)
    if (outgoing.kind === 'whole') return sendWhole(link, method, outgoing)
    const response = new LinkedResponse(link, method)
    const closed = new Promise<undefined>((resolve) => response.once('close', () => resolve(undefined)))
    course.endEarly = () => endEarly(response, { url, requestId: incoming.headers['x-request-id'] })
    course.signal.addEventListener('abort', () => response.destroy(), { once: true })
    const instead = await Promise.race([outgoing.write(response), closed])
    if (instead !== undefined) return sendWhole(link, method, instead)
    await closed
  }

  const answerWith =
    (exchange: HttpExchange): Answer =>
    async (link, { token, request }, course) => {
      if (draining) return link.end(statusWith(grpcStatus.UNAVAILABLE, 'the server is leaving', true))
      open.add(course)
      try {
        const head = decodeRequestHead(request)
        const early = new Promise<void>((resolve) => {
          course.endEarly = () =>
            void sendWhole(
              link,
              head.method,
              leavingAnswer({ url: head.url, requestId: head.headers['x-request-id'] }),
            ).then(resolve)
        })
        const incoming: Incoming = {
          ...head,
          caller: () => tokens.verify(token),
          body: (limitBytes) => readBody(link, course, head, limitBytes),
          pieces: (limitBytes) => bodyPieces(link, course, head, limitBytes),
          signal: () => course.signal,
        }
        await Promise.race([run(exchange, incoming, link, course), early])
      } catch (thrown) {
        link.end(statusWith(grpcStatus.INTERNAL, (thrown as Error).message, false))
      } finally {
        open.delete(course)
        if (open.size === 0) emptied()
      }
    }

  return {
    answers: [...exchanges].map(([service, exchange]) => [httpMethodOf(service), answerWith(exchange)] as const),
    drain: async (timeoutMs) => {
      draining = true
      if (open.size === 0) return
      const done = new Promise<void>((resolve) => (emptied = resolve))
      await Promise.race([done, sleep(timeoutMs, undefined, { ref: false })])
      for (const { endEarly: end } of open) end?.()
      if (open.size > 0) await Promise.race([done, sleep(lastWordMs, undefined, { ref: false })])
    },
  }
}
