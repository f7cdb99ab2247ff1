/**
 * Requests with an Idempotency-Key run once (docs/adr/0012): the first runs, those that come meanwhile are told to wait,
 * later ones are answered what the first was.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { sendError, sha256Hex, type Logger } from '@clawmesh/chassis'
import { defaultBodyLimitBytes, MeshError, type Caller, type Route } from '@clawmesh/contracts'
import type { KeptAnswer } from '@clawmesh/contracts/gen/clawmesh/identity/v1/idempotency.ts'
import type { Deliver, AuthorizedRequest } from '../edge/deliver.ts'
import type { Claim, ClaimKey } from './claims.ts'
import { createDetachedExchanges } from './detached.ts'
import { keyHeader, readKey } from './key.ts'

const maxKeptBytes = 1_048_576
/** An answer waits this long at its end for having been kept. */
const keepPatienceMs = 2_000

/** Headers of an answer that belong to it, and not to its connection or to one sending of it. */
const keptHeaders = ['cache-control', 'content-language', 'content-type', 'etag', 'location', 'x-accel-buffering']

interface OnceParts {
  claim: ClaimKey
  deliver: Deliver['deliver']
  log: Logger
}

export interface Once {
  /** @param bearerHash of the credential @throws INVALID_REQUEST, IDEMPOTENCY_KEY_IN_USE, IDEMPOTENCY_KEY_REUSED, UNAVAILABLE */
  serve: (route: Route, authorized: AuthorizedRequest, bearerHash: string) => Promise<void>
  /** Waits for requests that run on without their clients. */
  drain: (limitMs: number) => Promise<void>
}

/**
 * Who uses a key: an API key and its user, or the user alone, as other credentials change within the life of a key.
 * None replays what another was answered.
 */
const principal = ({ credential, userId }: Caller, bearerHash: string): string =>
  credential === 'api-key' ? `${credential} ${bearerHash} ${userId}` : `${credential} ${userId}`

const queryOf = (url: string): string => url.slice(url.split('?', 1)[0]!.length)

/** The hash of a request's query and body, as the body passes; undefined when its client leaves before its end. */
const hashOf = (request: IncomingMessage, limit = Infinity): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const hash = createHash('sha256')
      .update(queryOf(request.url ?? ''))
      .update('\0')
    let size = 0
    request.on('data', (chunk: Buffer) => {
      hash.update(chunk)
      size += chunk.length
      if (size > limit) reject(new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit }))
    })
    request.once('end', () => resolve(hash.digest('hex')))
    request.once('close', () => resolve(undefined))
  })

/** What may come of the same request later is not kept. */
const isFinal = (status: number): boolean => status < 500 && status !== 429

const pick = (headers: IncomingMessage['headers']): Record<string, string> =>
  Object.fromEntries(
    keptHeaders.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]])),
  )

/** Writes at the pace of the client, and nothing once it has gone. */
const write = (response: ServerResponse, chunk: Buffer): Promise<void> =>
  new Promise((resolve) => {
    if (response.destroyed || response.write(chunk)) return resolve()
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.once('drain', done).once('close', done)
  })

const connectionHeaders = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date'])

const sendHead = (response: ServerResponse, answer: IncomingMessage): void => {
  if (response.destroyed) return
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined && !connectionHeaders.has(name)) response.setHeader(name, value)
  response.statusCode = answer.statusCode!
  response.flushHeaders()
}

const replay = async (
  { request, response }: AuthorizedRequest,
  { definition }: Route,
  kept: KeptAnswer,
): Promise<void> => {
  const bodyHash = await hashOf(request, definition.bodyLimitBytes ?? defaultBodyLimitBytes)
  if (bodyHash === undefined) return
  if (bodyHash !== kept.bodyHash) throw new MeshError('IDEMPOTENCY_KEY_REUSED', 'error.idempotency_key_reused')
  if (!kept.whole) throw new MeshError('IDEMPOTENCY_KEY_REUSED', 'error.idempotency_answer_not_kept')
  const headers = { ...kept.headers, 'content-length': kept.body.length, 'idempotency-replayed': 'true' }
  response.writeHead(kept.status, headers).end(kept.body)
}

interface Relayed {
  /** Empty when it is too large to be kept. */
  body: Buffer
  whole: boolean
  /** Sends the rest and ends the response. */
  finish: () => void
}

/**
 * Reads an answer to its end, whether its client is there or not. A stream is passed on as it comes; what is short and
 * whole anyway is sent by `finish`, so that who has it can rely on it having been kept.
 */
const relay = async (answer: IncomingMessage, response: ServerResponse): Promise<Relayed> => {
  const streams = !(Number(answer.headers['content-length']) <= maxKeptBytes)
  if (streams) sendHead(response, answer)
  let chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= maxKeptBytes) chunks.push(chunk)
    else chunks = []
    if (streams) await write(response, chunk)
  }
  const body = Buffer.concat(chunks)
  const finish = () => {
    if (response.destroyed) return
    if (!streams) sendHead(response, answer)
    response.end(streams ? undefined : body)
  }
  return { body, whole: size <= maxKeptBytes, finish }
}

/** Waits a little for work that goes on by itself. */
const briefly = (work: Promise<void>): Promise<unknown> =>
  Promise.race([work, sleep(keepPatienceMs, undefined, { ref: false })])

/** Serves requests that name a key. The others never come here. */
export const createIdempotency = ({ claim: claimKey, deliver, log }: OnceParts): Once => {
  const exchange = createDetachedExchanges()
  const active = new Set<Promise<void>>()

  /** Runs a request whose client may leave: it said that it will ask again for the answer. */
  const run = async (route: Route, authorized: AuthorizedRequest, claim: Claim): Promise<void> => {
    const { request, response, caller } = authorized
    const hashed = hashOf(request)
    const { answer: answering, cut } = exchange(request, (inner, innerResponse) => {
      const fail = (thrown: unknown) => {
        if (innerResponse.destroyed) return
        // What breaks off is not kept as if it were whole.
        if (innerResponse.headersSent) return void innerResponse.destroy()
        sendError({ request: inner, response: innerResponse, thrown, log, locale: caller.locale })
      }
      deliver(route.service, { ...authorized, request: inner, response: innerResponse, fail }).catch(fail)
    })
    request.once('close', () => {
      // Nobody acts on half a body.
      if (!request.complete) cut()
    })
    try {
      const answer = await answering
      const { body, whole, finish } = await relay(answer, response)
      const status = answer.statusCode!
      // Whoever answered before the end of the body may have left the rest of it where it was.
      const bodyHash = request.complete ? await (request.unpipe().resume(), hashed) : undefined
      const final = bodyHash !== undefined && isFinal(status)
      await briefly(
        final ? claim.complete({ bodyHash, status, headers: pick(answer.headers), body, whole }) : claim.abandon(),
      )
      finish()
    } catch (thrown) {
      await briefly(claim.abandon())
      authorized.fail(new MeshError('UNAVAILABLE', 'error.unavailable', { what: route.service }, { cause: thrown }))
    }
  }

  return {
    serve: async (route, authorized, bearerHash) => {
      const { request, response, caller } = authorized
      const key = readKey(String(request.headers[keyHeader]))
      const path = request.url!.split('?', 1)[0]
      const scope = JSON.stringify([principal(caller, bearerHash), route.method, path, key])
      const found = await claimKey(caller, sha256Hex(scope))
      if (found.state === 'running') throw new MeshError('IDEMPOTENCY_KEY_IN_USE', 'error.idempotency_key_in_use')
      if (found.state === 'done') return replay(authorized, route, found.answer)
      if (response.destroyed) return found.claim.abandon()
      const running = run(route, authorized, found.claim)
      active.add(running)
      await running.finally(() => active.delete(running))
    },
    drain: async (limitMs) => {
      await Promise.race([Promise.allSettled(active), sleep(limitMs, undefined, { ref: false })])
    },
  }
}
