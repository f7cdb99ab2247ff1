/** The text of an HTTP answer, by what it says of itself. */
import type { GuardedResponse } from '@clawmesh/chassis/fetch'
import { toolError } from '../tool/tool-error.ts'

export interface TextBody {
  kind: 'html' | 'text'
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

const charsetOf = (contentType: string, body: Uint8Array): string => {
  const declared = /charset\s*=\s*["']?([\w-]{1,40})/i
  const head = new TextDecoder('latin1').decode(body.subarray(0, 1024))
  return (declared.exec(contentType) ?? /<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{1,40})/i.exec(head))?.[1] ?? 'utf-8'
}

const prettyJson = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

/** @throws TOOL_ERROR when the answer is no text */
export const decodeBody = ({ headers, body, url }: GuardedResponse): TextBody => {
  const contentType = headers['content-type'] ?? ''
  const type = contentType.split(';')[0]!.trim().toLowerCase()
  if (type !== '' && !htmlTypes.includes(type) && !textTypes.test(type)) throw toolError(`${url} is ${type}, not text`)
  const text = decodeAs(charsetOf(contentType, body), body)
  if (text.slice(0, 4096).includes('\0')) throw toolError(`${url} is binary, not text`)
  if (htmlTypes.includes(type) || (type === '' && /^\s*<(?:!doctype|html)/i.test(text))) return { kind: 'html', text }
  return { kind: 'text', text: /\bjson\b/.test(type) ? prettyJson(text) : text }
}
