/** Sends a file over HTTP (RFC 9110, sections 13 and 14): whole, a range of it, or that it is as it was. */
import type { IncomingHttpHeaders } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { passing, type HttpResponse } from '@clawmesh/chassis'
import { parse as parseRange } from 'range-parser'
import type { StoredFile } from '../workspace/types.ts'
import { contentTypeOf, isActive } from './content-type.ts'

export interface Sending {
  /** The name that the file is known by. */
  name: string
  cacheControl: string
  /** Whether it is offered for download. */
  download?: boolean
  headers: IncomingHttpHeaders
  /** Whether only the head of the answer is wanted. */
  headOnly: boolean
}

/** A header holds no other characters; browsers read the second form. */
const disposition = (kind: string, name: string): string => {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`
}

const seconds = (date: Date): number => Math.floor(date.getTime() / 1_000)

/** Whether a client has the file already. An entity tag counts before a time. */
const isFresh = (headers: IncomingHttpHeaders, etag: string, modifiedAt: Date): boolean => {
  const tags = headers['if-none-match']
  const since = headers['if-modified-since']
  if (tags !== undefined)
    return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
  return since !== undefined && seconds(modifiedAt) <= Date.parse(since) / 1_000
}

/** A part of a file that has changed since would not fit what the client has. */
const rangeHolds = (headers: IncomingHttpHeaders, etag: string, modifiedAt: Date): boolean => {
  const condition = headers['if-range'] as string | undefined
  if (condition === undefined) return true
  return condition.includes('"') ? condition.trim() === etag : Date.parse(condition) / 1_000 === seconds(modifiedAt)
}

/** What is the matter with a `Range`, as the parser says it. */
const unreadable = 1
const outside = 2

interface Part {
  status: 200 | 206 | 416
  start: number
  end: number
}

const partOf = (size: number, headers: IncomingHttpHeaders, etag: string, modifiedAt: Date): Part => {
  const whole: Part = { status: 200, start: 0, end: size - 1 }
  const { range } = headers
  if (range === undefined || !rangeHolds(headers, etag, modifiedAt)) return whole
  const { code, type, ranges } = parseRange(size, range)
  // A header that cannot be read, and more than one range, are as good as none.
  if ((code & unreadable) !== 0 || type !== 'bytes' || ranges.length > 1) return whole
  const [one] = ranges
  if (one !== undefined) return { status: 206, ...one }
  return (code & outside) === 0 ? whole : { status: 416, start: 0, end: -1 }
}

/** Sends an open file and ends the answer. */
export const sendFile = async (
  response: HttpResponse,
  file: StoredFile,
  { name, cacheControl, download = false, headers, headOnly }: Sending,
): Promise<void> => {
  const { size, modifiedAt, version } = file
  const etag = `"${version}"`
  const type = await contentTypeOf(name, file)
  const attached = download || isActive(type.split(';', 1)[0]!)
  const head = {
    'cache-control': cacheControl,
    etag,
    'last-modified': modifiedAt.toUTCString(),
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    vary: 'authorization',
  }
  if (isFresh(headers, etag, modifiedAt)) {
    response.writeHead(304, head).end()
    return
  }
  const { status, start, end } = partOf(size, headers, etag, modifiedAt)
  if (status === 416) {
    response.writeHead(416, { ...head, 'content-range': `bytes */${size}`, 'content-length': '0' }).end()
    return
  }
  response.writeHead(status, {
    ...head,
    'content-type': type,
    'content-length': String(end - start + 1),
    'content-disposition': disposition(attached ? 'attachment' : 'inline', name),
    ...(status === 206 ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
  })
  if (headOnly || size === 0) response.end()
  else await pipeline(passing(file.read(start, end)), response)
}
