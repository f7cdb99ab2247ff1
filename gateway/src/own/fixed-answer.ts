/** Answers whose bytes do not change while the process lives. */
import { hash } from 'node:crypto'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { streamed, type Reply } from '@clawmesh/chassis'

export interface FixedAnswer {
  readonly body: Buffer
  readonly headers: OutgoingHttpHeaders & { readonly etag: string }
}

const maxAgeSeconds = 300

export const createFixedAnswer = (
  body: Buffer | string,
  contentType: string,
  headers: OutgoingHttpHeaders = {},
): FixedAnswer => {
  const bytes = Buffer.from(body)
  return {
    body: bytes,
    headers: {
      'content-type': contentType,
      'cache-control': `public, max-age=${maxAgeSeconds}`,
      etag: `"${hash('sha256', bytes).slice(0, 32)}"`,
      ...headers,
    },
  }
}

/** A JSON document that anybody may read, from any page: the same bytes, made at the first request. */
export const createDocumentAnswer = (make: () => object): (() => FixedAnswer) => {
  let answer: FixedAnswer | undefined
  return () =>
    (answer ??= createFixedAnswer(JSON.stringify(make()), 'application/json; charset=utf-8', {
      'access-control-allow-origin': '*',
    }))
}

const matches = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch !== undefined &&
  ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)

/** The answer, or 304 when the client has it already. */
export const replyFixed = ({ body, headers }: FixedAnswer, { 'if-none-match': seen }: IncomingHttpHeaders) =>
  streamed(async (response) => {
    if (matches(seen, headers.etag)) response.writeHead(304, headers).end()
    else response.writeHead(200, { ...headers, 'content-length': body.length }).end(body)
  }) satisfies Reply<never>
