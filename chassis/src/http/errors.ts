import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorKinds, toMeshError, type Locale, type MeshError } from '@clawmesh/contracts'
import { databaseError } from '../db/database.ts'
import type { Logger } from '../log/logger.ts'
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

/** An unread body up to this size is read and dropped, so that the connection can go on. */
const discardedBytes = 65_536

/** What is left of an unread body would be taken for the next request: it is dropped, or the connection ends. */
export const discardBody = (request: IncomingMessage, response: ServerResponse): void => {
  if (request.complete) return
  // Whoever waits to be told to go on may never send its body.
  const comes = request.headers.expect === undefined
  if (comes && Number(request.headers['content-length'] ?? Number.NaN) <= discardedBytes) request.resume()
  else response.setHeader('connection', 'close')
}

interface Failed extends Partial<RequestHead> {
  thrown: unknown
  requestId: string | undefined
  log: Logger
  locale?: Locale | undefined
}

/** The answer that tells what was thrown. Its cause is logged, by the request's id, and never sent. */
export const answerFailure = ({ thrown, requestId, method, url, headers, log, locale }: Failed): ErrorAnswer => {
  const error = toMeshError(databaseError(thrown))
  log[level(error)]({ err: error, requestId, method, path: url?.split('?')[0] }, error.message)
  return errorAnswer(error, { url, locale, acceptLanguage: headers?.['accept-language'], requestId })
}

/** Answers with the error a handler threw. */
export const sendError = ({ request, response, thrown, log, locale }: FailedRequest): void => {
  const { method = '', url = '', headers: asked } = request
  const requestId = (response.getHeader('x-request-id') ?? asked['x-request-id']) as string | undefined
  const { status, headers, body } = answerFailure({ thrown, requestId, method, url, headers: asked, log, locale })
  if (response.headersSent) {
    response.destroy()
    return
  }
  discardBody(request, response)
  response.writeHead(status, headers).end(body)
}
