/** Requests of clients as they are sent on. */
import type { IncomingMessage } from 'node:http'

/** A body of at most this many bytes is awaited and leaves with the head. */
const shortBytes = 16_384

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

export const isShort = ({ headers }: IncomingMessage): boolean =>
  Number(headers['content-length'] ?? Infinity) <= shortBytes

export const readWhole = (request: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    request.once('close', () => {
      if (!request.complete) reject(new Error('the client has gone'))
    })
  })

/** Framing is made anew for the next connection. */
export const headersOf = ({ headers }: IncomingMessage): IncomingMessage['headers'] => {
  delete headers['transfer-encoding']
  return headers
}
