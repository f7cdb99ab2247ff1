import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorKinds, toMeshError, type Locale, type MeshError } from '@clawmesh/contracts'
import { databaseError } from '../db/database.ts'
import type { Logger } from '../log/logger.ts'
import { endBroken } from './end-early.ts'
import { errorAnswer, type ErrorAnswer } from './error-answer.ts'
import type { RequestHead } from './exchange.ts'

interface FailedRequest {
  request: IncomingMessage
  response: ServerResponse
  thrown: unknown
  log: Logger
  locale?: Locale | undefined
}

const level = (error: MeshError): 'error' | 'warn' | 'debug' => {
  const { status } = errorKinds[error.code]
  return error.code === 'INTERNAL' ? 'error' : status >= 500 ? 'warn' : 'debug'
}

/** How much of a body that nobody wants is still taken, and for how long. */
const discardedBytes = 100 * 1_048_576
const discardedForMs = 30_000

/**
 * Before an answer that comes before all of its request's body: the rest is taken and dropped, as a sender whose connection
 * ends while it sends never sees the answer (RFC 9112, section 9.6). Then the connection goes on.
 */
export const discardBody = (request: IncomingMessage, response: ServerResponse): void => {
  if (request.complete) return
  // Whoever waits to be told to go on may never send its body.
  if (request.headers.expect !== undefined && !request.readableDidRead) {
    response.setHeader('connection', 'close')
    return
  }
  const { socket } = request
  const cut = () => void socket.destroy()
  const timeout = setTimeout(cut, discardedForMs).unref()
  let left = discardedBytes
  request
    .once('close', () => clearTimeout(timeout))
    .on('data', ({ length }: Buffer) => {
      left -= length
      if (left < 0) cut()
    })
  request.resume()
}

const meshErrorOf = (thrown: unknown): MeshError => toMeshError(databaseError(thrown))

interface Failed extends Partial<RequestHead> {
  thrown: unknown
  requestId: string | undefined
  log: Logger
  locale?: Locale | undefined
}

/** The answer that tells what was thrown. Its cause is logged, by the request's id, and never sent. */
export const answerFailure = ({ thrown, requestId, method, url, headers, log, locale }: Failed): ErrorAnswer => {
  const error = meshErrorOf(thrown)
  log[level(error)]({ err: error, requestId, method, path: url?.split('?')[0] }, error.message)
  return errorAnswer(error, { url, locale, acceptLanguage: headers?.['accept-language'], requestId })
}

/** Answers with what was thrown, or ends what has been answered so far with it. */
export const sendError = ({ request, response, thrown, log, locale }: FailedRequest): void => {
  const { method = '', url = '', headers: asked } = request
  const requestId = (response.getHeader('x-request-id') ?? asked['x-request-id']) as string | undefined
  const { status, headers, body } = answerFailure({ thrown, requestId, method, url, headers: asked, log, locale })
  if (response.headersSent) return endBroken(response, meshErrorOf(thrown), { url, requestId })
  discardBody(request, response)
  response.writeHead(status, headers).end(body)
}
