/** The text of an HTTP answer, by what it says of itself. */
import type { GuardedResponse } from '@clawmesh/chassis/fetch'
import { toolError } from '../tool/tool-error.ts'

export interface TextBody {
  kind: 'html' | 'json' | 'text'
  text: string
}

const textTypes =
  /^(?:text\/|application\/(?:json|xml|javascript|ecmascript|x-ndjson|yaml|x-yaml|toml|rtf)|[\w.+-]+\/[\w.-]+\+(?:json|xml))/
const htmlTypes = ['text/html', 'application/xhtml+xml']

const decodeAs = (charset: string, body: Uint8Array): string => {
  try {
    return new TextDecoder(charset).decode(body)
  } catch {
    return new TextDecoder().decode(body)
  }
}

/** Pages that declare their charset behind a long head are many; none does so behind this much. */
const declarationBytes = 65_536
const byteOrderMarks: readonly [charset: string, bytes: readonly number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
]

/** In the order in which browsers believe them: byte order mark, header, XML declaration, meta element. */
const charsetOf = (contentType: string, body: Uint8Array): string => {
  const marked = byteOrderMarks.find(([, bytes]) => bytes.every((byte, index) => body[index] === byte))
  if (marked) return marked[0]
  const head = new TextDecoder('latin1').decode(body.subarray(0, declarationBytes))
  const declared =
    /charset\s{0,9}=\s{0,9}["']?([\w-]{1,40})/i.exec(contentType.slice(0, 1_000)) ??
    /^\s{0,99}<\?xml[^>]{0,200}encoding\s{0,9}=\s{0,9}["']([\w-]{1,40})/i.exec(head) ??
    /<meta\s[^>]{0,200}charset\s{0,9}=\s{0,9}["']?([\w-]{1,40})/i.exec(head)
  return declared?.[1] ?? 'utf-8'
}

/** @throws TOOL_ERROR when the answer is no text */
export const decodeBody = ({ headers, body, url }: GuardedResponse): TextBody => {
  const contentType = headers['content-type'] ?? ''
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
  if (type !== '' && !htmlTypes.includes(type) && !textTypes.test(type)) throw toolError(`${url} is ${type}, not text`)
  const text = decodeAs(charsetOf(contentType, body), body)
  if (text.slice(0, 4096).includes('\0')) throw toolError(`${url} is binary, not text`)
  if (htmlTypes.includes(type) || (type === '' && /^\s{0,999}<(?:!doctype|html)/i.test(text)))
    return { kind: 'html', text }
  return { kind: /\bjson\b/.test(type) ? 'json' : 'text', text }
}
