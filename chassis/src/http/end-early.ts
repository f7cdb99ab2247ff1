/** Answers that do not come to their end: what makes them has broken, or the process leaves. */
import { errorBody, errorStyleOf, MeshError } from '@clawmesh/contracts'
import { errorAnswer, type ErrorAnswer } from './error-answer.ts'
import type { HttpResponse } from './exchange.ts'

interface Asked {
  url: string | undefined
  requestId: unknown
}

const textOf = (requestId: unknown): string | undefined => (typeof requestId === 'string' ? requestId : undefined)
const leaving = () => new MeshError('UNAVAILABLE', 'error.shutting_down')

/** What is answered where nothing has been sent. */
export const leavingAnswer = ({ url, requestId }: Asked): ErrorAnswer =>
  errorAnswer(leaving(), { url, requestId: textOf(requestId) })

/** An error as the last event of a stream. */
const lastFrame = (error: MeshError, { url, requestId }: Asked): string =>
  errorStyleOf(url) === 'anthropic'
    ? `event: error\ndata: ${JSON.stringify(errorBody(error, 'en', 'anthropic', textOf(requestId)))}`
    : `data: ${JSON.stringify(errorBody(error, 'en', 'openai'))}`

const endWriting = (response: HttpResponse): void => {
  // Whoever is still writing to it meets an ended answer.
  response.on('error', () => undefined)
  // What is held back comes before the end.
  if (response.writableCorked > 0) response.uncork()
}

/** Ends an answer whose status has been sent: a stream of events says why, what else there is breaks off, so that nobody takes it for whole. */
export const endBroken = (response: HttpResponse, error: MeshError, asked: Asked): void => {
  if (response.writableEnded) return
  if (!String(response.getHeader('content-type')).startsWith('text/event-stream')) return void response.destroy()
  endWriting(response)
  // It may have been in the middle of an event.
  response.end(`\n\n${lastFrame(error, asked)}\n\n`)
}

/** Ends an answer of a process that leaves. */
export const endEarly = (response: HttpResponse, asked: Asked): void => {
  if (response.writableEnded) return
  if (response.headersSent) return endBroken(response, leaving(), asked)
  endWriting(response)
  const { status, headers, body } = leavingAnswer(asked)
  response.writeHead(status, headers).end(body)
}
