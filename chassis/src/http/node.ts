/** Requests that node:http carries, and the answers to them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { MeshError } from '@clawmesh/contracts'
import type { IdentityTokens } from '../auth/identity-token.ts'
import { discardBody } from './errors.ts'
import type { HttpExchange, Incoming, WholeAnswer } from './exchange.ts'
import { bodyPieces, readBody } from './json-body.ts'
import { callerOf } from './request-context.ts'

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void

/** Aborts when the client leaves before it has all of its answer. */
const signalOf = (response: ServerResponse): AbortSignal => {
  const abort = new AbortController()
  response.on('close', () => {
    if (!response.writableFinished) abort.abort(new MeshError('CANCELLED', 'error.cancelled'))
  })
  return abort.signal
}

const incomingOf = (request: IncomingMessage, response: ServerResponse, tokens: IdentityTokens): Incoming => ({
  method: request.method ?? '',
  url: request.url ?? '',
  headers: request.headers,
  caller: () => callerOf(request, tokens),
  body: (limitBytes) => readBody(request, limitBytes),
  pieces: (limitBytes) => bodyPieces(request, limitBytes),
  signal: () => signalOf(response),
})

const send = (request: IncomingMessage, response: ServerResponse, answer: WholeAnswer): void => {
  if (response.destroyed || response.headersSent) return
  if (answer.isError) discardBody(request, response)
  response.writeHead(answer.status, answer.headers).end(answer.body)
}

/** Answers one request by an exchange. */
export const serveNode = async (
  request: IncomingMessage,
  response: ServerResponse,
  tokens: IdentityTokens,
  exchange: HttpExchange,
): Promise<void> => {
  const outgoing = await exchange(incomingOf(request, response, tokens))
  const whole = outgoing.kind === 'whole' ? outgoing : await outgoing.write(response)
  if (whole !== undefined) send(request, response, whole)
}

/** A handler of node:http's requests that is an exchange underneath. */
export const nodeHandler =
  (tokens: IdentityTokens, exchange: HttpExchange): HttpHandler =>
  (request, response) =>
    void serveNode(request, response, tokens, exchange)
