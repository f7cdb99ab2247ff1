/** Heads of HTTP requests and answers as protocol buffers say (link.proto), by hand like the frames that carry them. */
import type { IncomingHttpHeaders } from 'node:http'
import type { RequestHead } from '../http/exchange.ts'
import {
  FrameError,
  partTag,
  putHead,
  putText,
  putUint,
  sizeOfPart,
  sizeOfText,
  sizeOfUint,
  takeFields,
  takeNumber,
  takeText,
  uintTag,
  type Cursor,
} from './codec.ts'

export interface AnswerHead {
  readonly status: number
  readonly headers: IncomingHttpHeaders
}

type Headers = Readonly<Record<string, number | string | readonly string[] | undefined>>

/** What the edge and Node allow a head to be, and some more. */
const maxHeadBytes = 131_072

/** Names and values by turns. */
const listed = (headers: Headers): string[] => {
  const list: string[] = []
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue
    if (typeof value !== 'object') list.push(name, String(value))
    else for (const each of value) list.push(name, each)
  }
  return list
}

/** @throws FrameError when a value is missing */
const unlisted = (list: readonly string[]): IncomingHttpHeaders => {
  if (list.length % 2 !== 0) throw new FrameError('a header without a value')
  const headers = Object.create(null) as Record<string, string | string[]>
  for (let at = 0; at < list.length; at += 2) {
    const [name, value] = [list[at]!, list[at + 1]!]
    const known = headers[name]
    headers[name] = known === undefined ? value : [known, value].flat()
  }
  return headers
}

const listField = 3

const sizeOfList = (list: readonly string[]): number => {
  let size = 0
  for (const text of list) size += sizeOfPart(Buffer.byteLength(text))
  return size
}
const putList = (to: Cursor, list: readonly string[]): void => {
  for (const text of list) {
    putHead(to, listField, Buffer.byteLength(text))
    to.at += to.bytes.write(text, to.at)
  }
}

/** A message of so many bytes, which `put` writes. */
const written = (size: number, put: (to: Cursor) => void): Buffer => {
  const to: Cursor = { bytes: Buffer.allocUnsafe(size), at: 0 }
  put(to)
  return to.bytes
}

export const encodeRequestHead = ({ method, url, headers }: RequestHead): Buffer => {
  const list = listed(headers)
  return written(sizeOfText(method) + sizeOfText(url) + sizeOfList(list), (to) => {
    putText(to, 1, method)
    putText(to, 2, url)
    putList(to, list)
  })
}

export const encodeAnswerHead = (status: number, headers: Headers): Buffer => {
  const list = listed(headers)
  return written(sizeOfUint(status) + sizeOfList(list), (to) => {
    putUint(to, 1, status)
    putList(to, list)
  })
}

/** Reads a message; `read` takes its first fields, as far as it knows them. */
const decoded = (bytes: Buffer, read: (tag: number, from: Cursor) => boolean): IncomingHttpHeaders => {
  if (bytes.length > maxHeadBytes) throw new FrameError('a head is too large')
  const list: string[] = []
  const from: Cursor = { bytes, at: 0 }
  takeFields(from, bytes.length, (tag) => {
    if (tag !== partTag(listField)) return read(tag, from)
    list.push(takeText(from, bytes.length))
    return true
  })
  return unlisted(list)
}

/** @throws FrameError for what is none */
export const decodeRequestHead = (bytes: Buffer): RequestHead => {
  let [method, url] = ['', '']
  const headers = decoded(bytes, (tag, from) => {
    if (tag === partTag(1)) method = takeText(from, bytes.length)
    else if (tag === partTag(2)) url = takeText(from, bytes.length)
    else return false
    return true
  })
  return { method, url, headers }
}

/** @throws FrameError for what is none */
export const decodeAnswerHead = (bytes: Buffer): AnswerHead => {
  let status = 0
  const headers = decoded(bytes, (tag, from) => {
    if (tag !== uintTag(1)) return false
    status = takeNumber(from, bytes.length)
    return true
  })
  return { status, headers }
}
