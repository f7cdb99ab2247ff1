/** A look at the body of a request, which is there for the service all the same. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseJson } from '@clawmesh/chassis'
import { defaultBodyLimitBytes, MeshError, type Route } from '@clawmesh/contracts'

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/**
 * The whole body, put back in front of whoever reads the request next.
 * @throws PAYLOAD_TOO_LARGE, INVALID_REQUEST when it is empty, CANCELLED when its client leaves before its end
 */
const peek = (request: IncomingMessage, limitBytes: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const settle = (done: () => void) => {
      request.off('readable', take).off('end', isEmpty).off('close', leave)
      done()
    }
    const fail = (error: MeshError) => settle(() => reject(error))
    const leave = () => fail(new MeshError('CANCELLED', 'error.cancelled'))
    // There would be nothing left to tell the next reader that it is over.
    const isEmpty = () => fail(new MeshError('INVALID_REQUEST', 'error.required', { field: 'body' }))
    const take = () => {
      while (request.readableLength > 0) {
        const chunk = request.read() as Buffer
        chunks.push(chunk)
        size += chunk.length
      }
      if (size > limitBytes) fail(new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit: limitBytes }))
      else if (request.complete && size > 0) {
        const body = Buffer.concat(chunks)
        // At once: the stream has not said yet that it is over, and does not while there is something to read.
        request.unshift(body)
        settle(() => resolve(body))
      }
    }
    request.on('readable', take).once('end', isEmpty).once('close', leave)
  })

const fieldOf = (body: Buffer, field: string): unknown => {
  try {
    return (parseJson(body) as Record<string, unknown> | null)?.[field]
  } catch {
    return undefined
  }
}

/** Whether an operation is counted by what its body says, so that somebody has a look at it. */
export const countsByBody = ({ uncountedWhen, countedWhen }: Route['definition']): boolean =>
  uncountedWhen !== undefined || countedWhen !== undefined

/** What cannot be read is refused later. */
const starts = (body: Buffer, { uncountedWhen, countedWhen }: Route['definition']): boolean => {
  if (countedWhen !== undefined) return fieldOf(body, countedWhen.field) === countedWhen.is
  // Most do not name it, and need not be parsed twice.
  return uncountedWhen === undefined || !body.includes(uncountedWhen) || fieldOf(body, uncountedWhen) !== true
}

/** Whether a request says, where its operation lets it, that it starts nothing. */
export const startsNothing = async (
  request: IncomingMessage,
  response: ServerResponse,
  { definition }: Route,
): Promise<boolean> => {
  if (!countsByBody(definition) || !hasBody(request)) return false
  if (request.headers.expect !== undefined) response.writeContinue()
  return !starts(await peek(request, definition.bodyLimitBytes ?? defaultBodyLimitBytes), definition)
}
