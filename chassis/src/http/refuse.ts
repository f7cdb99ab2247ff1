/** Answers to what is no proper HTTP request, before any handler sees it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { MeshError } from '@clawmesh/contracts'
import { errorAnswer } from './error-answer.ts'
import type { ServerLimits } from './server-limits.ts'

type HeaderLimits = Pick<ServerLimits, 'maxHeaderBytes' | 'maxHeaders'>

/** How long the answer may take to reach a client whose connection is closed after it. */
const lastWordMs = 1_000

const headersTooLarge = ({ maxHeaderBytes, maxHeaders }: HeaderLimits) =>
  new MeshError('HEADERS_TOO_LARGE', 'error.headers_too_large', { limit: maxHeaderBytes, count: maxHeaders })

const countOf = (rawHeaders: readonly string[], wanted: string): number =>
  rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === wanted).length

/**
 * What is wrong with the head of a request that Node takes: another version than HTTP/1, too many headers, no host in
 * HTTP/1.1 or more than one (RFC 9112, section 3.2).
 */
export const faultOfHead = (
  { rawHeaders, httpVersionMajor, httpVersion }: IncomingMessage,
  limits: HeaderLimits,
): MeshError | undefined => {
  if (httpVersionMajor !== 1) return new MeshError('INVALID_REQUEST', 'error.malformed_request')
  if (rawHeaders.length > 2 * limits.maxHeaders) return headersTooLarge(limits)
  const hosts = countOf(rawHeaders, 'host')
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1'))
    return new MeshError('INVALID_REQUEST', 'error.invalid_header', { field: 'Host' })
  return undefined
}

/** Answers with an error and closes the connection, as what follows on it cannot be trusted to be a request. */
export const refuse = (response: ServerResponse, error: MeshError): void => {
  const { url, headers: asked } = response.req
  const { status, headers, body } = errorAnswer(error, { url, acceptLanguage: asked['accept-language'] })
  response.writeHead(status, { ...headers, 'x-content-type-options': 'nosniff', connection: 'close' }).end(body)
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}

/** Writes an answer where there is no response to write it with, and ends the connection. */
const refuseRaw = (socket: Duplex, error: MeshError, extra: readonly string[] = []): void => {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const { status, headers, body } = errorAnswer(error, {})
  socket.on('error', () => undefined)
  socket.end(
    [
      `HTTP/1.1 ${status} ${reasons[status] ?? 'Error'}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      'x-content-type-options: nosniff',
      'connection: close',
      ...extra,
      '',
      body,
    ].join('\r\n'),
  )
  setTimeout(() => socket.destroy(), lastWordMs).unref()
}

/** We are no proxy for CONNECT. */
export const refuseTunnel = (socket: Duplex): void =>
  refuseRaw(socket, new MeshError('METHOD_NOT_ALLOWED', 'error.method_not_allowed'), ['allow: '])

const errorOf = (fault: NodeJS.ErrnoException, limits: HeaderLimits): MeshError => {
  if (fault.code === 'HPE_HEADER_OVERFLOW') return headersTooLarge(limits)
  if (fault.code === 'ERR_HTTP_REQUEST_TIMEOUT') return new MeshError('REQUEST_TIMEOUT', 'error.request_timeout')
  return new MeshError('INVALID_REQUEST', 'error.malformed_request')
}

/**
 * Answers requests that Node cannot read. Where an answer has begun, or several are due, another one would be taken for
 * theirs, so the connection just ends.
 */
export const createClientErrorAnswerer = (open: ReadonlySet<ServerResponse>, limits: HeaderLimits) => {
  const answered = new WeakSet<Duplex>()
  return (fault: NodeJS.ErrnoException, socket: Duplex): void => {
    if (answered.has(socket)) return
    answered.add(socket)
    const due = [...open].filter((response) => response.req.socket === socket)
    if (due.length > 1 || due.some((response) => response.headersSent)) socket.destroy()
    else refuseRaw(socket, errorOf(fault, limits))
  }
}
