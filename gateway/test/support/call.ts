/** HTTP requests as they are written, which fetch does not allow. */
import { request, type IncomingHttpHeaders } from 'node:http'

export interface CallOptions {
  method?: string
  headers?: Record<string, string | string[]>
  body?: string | Buffer
}

export interface CallAnswer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  json: () => Record<string, unknown>
}

/** Makes one request on a connection of its own. */
export const call = (port: number, path: string, { method = 'GET', headers = {}, body }: CallOptions = {}) =>
  new Promise<CallAnswer>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text,
          json: () => JSON.parse(text) as Record<string, unknown>,
        })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })
