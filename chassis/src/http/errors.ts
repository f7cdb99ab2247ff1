import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorKinds, toMeshError, type Locale, type MeshError } from '@clawmesh/contracts'
import { databaseError } from '../db/database.ts'
import type { Logger } from '../log/logger.ts'
import { errorAnswer } from './error-answer.ts'

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
const discardBody = (request: IncomingMessage, response: ServerResponse): void => {
  if (request.complete) return
  // Whoever waits to be told to go on may never send its body.
  const comes = request.headers.expect === undefined
  if (comes && Number(request.headers['content-length'] ?? Number.NaN) <= discardedBytes) request.resume()
  else response.setHeader('connection', 'close')
}

/** Answers with the error a handler threw. Its cause is logged, by the request's id, and never sent. */
export const sendError = ({ request, response, thrown, log, locale }: FailedRequest): void => {
  const error = toMeshError(databaseError(thrown))
  const requestId = (response.getHeader('x-request-id') ?? request.headers['x-request-id']) as string | undefined
  log[level(error)]({ err: error, requestId, method: request.method, path: request.url?.split('?')[0] }, error.message)
  if (response.headersSent) {
    response.destroy()
    return
  }
  const acceptLanguage = request.headers['accept-language']
  const { status, headers, body } = errorAnswer(error, { url: request.url, locale, acceptLanguage, requestId })
  discardBody(request, response)
  response.writeHead(status, headers).end(body)
}
