/** HTTP requests as they are written: any header, any bytes as a body, which fetch does not allow. */
import { Agent, request, type IncomingHttpHeaders } from 'node:http'

export interface RequestParts {
  headers?: Record<string, string | string[]>
  /** Bytes and texts go out as they are, anything else as JSON. */
  body?: unknown
  /** Send the body in chunks, without saying how long it is. */
  chunked?: boolean
}

export interface Answer<B = Record<string, unknown>> {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The parsed body; undefined when it is no JSON. */
  body: B
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 })

const bytesOf = (body: unknown): Buffer | undefined => {
  if (body === undefined) return undefined
  if (Buffer.isBuffer(body)) return body
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Makes one request of this machine and reads its whole answer. */
export const send = <B>(
  port: number,
  method: string,
  path: string,
  { headers = {}, body, chunked = false }: RequestParts,
): Promise<Answer<B>> =>
  new Promise((resolve, reject) => {
    const bytes = bytesOf(body)
    const framing: Record<string, string> =
      bytes === undefined ? {} : chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': `${bytes.length}` }
    const type: Record<string, string> = bytes === undefined ? {} : { 'content-type': 'application/json' }
    const sent = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent,
      headers: { ...type, ...framing, ...headers },
    })
    let answered = false
    sent.on('response', (answer) => {
      answered = true
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, body: parsed(text) as B })
      })
    })
    // A server that refuses a body closes while it is still being written; its answer counts.
    sent.on('error', (fault) => {
      if (!answered) reject(fault)
    })
    sent.end(bytes)
  })
