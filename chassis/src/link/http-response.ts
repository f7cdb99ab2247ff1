/** The response of a request that came over a link: what is written to it leaves as frames, at the pace of who reads them. */
import { Writable } from 'node:stream'
import { status as grpcStatus } from '@grpc/grpc-js'
import type { HttpResponse } from '../http/exchange.ts'
import type { LinkCall } from './call.ts'
import { encodeAnswerHead } from './http-codec.ts'

const nothing = Buffer.alloc(0)
const brokenOff = { code: grpcStatus.UNAVAILABLE, details: 'the answer broke off', error: nothing, refused: false }

type Headers = Record<string, string | number>

/** Whether an answer has no body, whatever is written (RFC 9110, sections 6.4.1 and 9.3.2). */
export const isBodiless = (method: string, status: number): boolean =>
  method === 'HEAD' || status === 204 || status === 304

export class LinkedResponse extends Writable implements HttpResponse {
  statusCode = 200
  headersSent = false
  readonly #link: Pick<LinkCall, 'send' | 'end'>
  readonly #method: string
  readonly #headers: Headers = {}
  #headLeft = false

  constructor(link: Pick<LinkCall, 'send' | 'end'>, method: string) {
    super()
    this.#link = link
    this.#method = method
    // Whoever still writes to an answer that was ended for them.
    this.on('error', () => undefined)
  }

  setHeader(name: string, value: string): void {
    this.#headers[name.toLowerCase()] = value
  }

  getHeader(name: string): unknown {
    return this.#headers[name.toLowerCase()]
  }

  writeHead(status: number, headers: object = {}): this {
    if (this.headersSent) throw new Error('the head has been sent')
    this.statusCode = status
    for (const [name, value] of Object.entries(headers)) this.setHeader(name, value as string)
    this.headersSent = true
    return this
  }

  flushHeaders(): void {
    this.#sendHead('message')
  }

  #sendHead(kind: 'message' | 'last'): void {
    if (this.#headLeft) return
    this.headersSent = this.#headLeft = true
    void this.#link.send(encodeAnswerHead(this.statusCode, this.#headers), kind)
  }

  #send(chunk: Buffer, done: () => void): void {
    this.#sendHead('message')
    const sent = isBodiless(this.#method, this.statusCode) ? undefined : this.#link.send(chunk, 'message')
    if (sent === undefined) done()
    else void sent.then(done)
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#send(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: () => void): void {
    if (this.#headLeft) void this.#link.send(nothing, 'last')
    else this.#sendHead('last')
    done()
  }

  override _destroy(fault: Error | null, done: (fault: Error | null) => void): void {
    if (!this.writableFinished) this.#link.end(brokenOff)
    done(fault)
  }
}
