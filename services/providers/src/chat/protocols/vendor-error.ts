/** What error bodies say. Vendors disagree on where they put it. Everything is bounded as it is read. */
import { bounds, boundedText } from './bounds.ts'
import { isObject, listOf, objectOf, parseJson, textOf, type Json } from './json.ts'

export interface VendorError {
  /** Empty when the body gives none. */
  message: string
  /** Codes, types and statuses. */
  words: string[]
  /** The pause the body asks for, milliseconds. */
  retryAfterMs?: number | undefined
}

/** Where messages stand, the usual places first. */
const messageKeys = [
  'message',
  'msg',
  'detail',
  'error',
  'error_description',
  'reason',
  'status_msg',
  'title',
  'errors',
]
const deepest = 4
const listed = 5

/** FastAPI names the place of a fault beside its message. */
const placed = (message: string, place: unknown): string => {
  const path = listOf(place).filter((part) => typeof part === 'string' || typeof part === 'number')
  return message !== '' && path.length > 0 ? `${path.join('.')}: ${message}` : message
}

/** The message in a value of any shape: text, an object that holds one, or a list of such. */
const messageIn = (value: unknown, depth = 0): string => {
  if (typeof value === 'string') return boundedText(value, bounds.errorMessage)
  if (depth >= deepest) return ''
  if (Array.isArray(value))
    return value
      .slice(0, listed)
      .map((each) => messageIn(each, depth + 1))
      .filter((text) => text !== '')
      .join('; ')
  if (!isObject(value)) return ''
  for (const key of messageKeys) {
    const text = messageIn(value[key], depth + 1)
    if (text !== '') return placed(text, value['loc'])
  }
  return ''
}

/** The message of an error object, or the object itself as text where none of the usual places holds one. */
const messageOf = (error: unknown): string => {
  const found = messageIn(error)
  if (found !== '' || !isObject(error)) return found
  const unusual = ['message', 'detail'].map((key) => error[key]).find((value) => isObject(value))
  return unusual === undefined ? '' : boundedText(JSON.stringify(unusual), bounds.errorMessage)
}

/** A router's "Provider returned error", with what the provider said. */
const withRouted = (message: string, error: Json | undefined): string => {
  const raw = textOf(objectOf(error?.['metadata'])?.['raw'])
  if (raw === '') return message
  const routed = messageOf(parseJson(raw)) || boundedText(raw, bounds.errorMessage)
  return routed.includes(message) ? routed : `${message}: ${routed}`
}

/** MiniMax's numbers, as the words of others. */
const minimaxWords: Record<number, string> = {
  1002: 'rate_limit_exceeded',
  1004: 'invalid_api_key',
  1008: 'insufficient_quota',
  1026: 'content_filter',
  1027: 'content_filter',
  1039: 'rate_limit_exceeded',
  2013: 'invalid_request_error',
  2049: 'invalid_api_key',
}

const minimaxWord = (status: Json | undefined): unknown => {
  const code = status?.['status_code']
  return typeof code === 'number' && Object.hasOwn(minimaxWords, code) ? minimaxWords[code] : undefined
}

/** Google's RetryInfo: `{"retryDelay": "22.5s"}` among the details. */
const retryDelayOf = (error: Json | undefined): number | undefined => {
  for (const detail of listOf(error?.['details']).slice(0, listed)) {
    const delay = /^(\d{1,6}(?:\.\d{1,9})?)s$/.exec(textOf(objectOf(detail)?.['retryDelay']).slice(0, 20))?.[1]
    if (delay !== undefined) return Math.ceil(Number(delay) * 1000)
  }
  return undefined
}

/** The parts of an error body. */
export const readVendorError = (body: unknown): VendorError => {
  if (typeof body === 'string')
    // A page for people says nothing worth passing on.
    return { message: /^\s{0,100}</.test(body) ? '' : boundedText(body.trim(), bounds.errorMessage), words: [] }
  // Gemini wraps its errors in an array.
  const outer = Array.isArray(body) ? objectOf(body[0]) : objectOf(body)
  const error = outer?.['error'] || outer
  const fields = objectOf(error)
  const inner = objectOf(fields?.['message'])
  const minimax = objectOf(outer?.['base_resp'])
  const message = messageOf(error) || messageOf(outer) || messageIn(minimax)
  const words = [fields, inner, outer]
    .flatMap((source) => ['code', 'type', 'status'].map((key) => source?.[key]))
    .concat([minimaxWord(minimax)])
    .filter((word) => typeof word === 'string' || typeof word === 'number')
    .map((word) => boundedText(String(word), bounds.errorWord))
  return { message: withRouted(message, fields), words: [...new Set(words)], retryAfterMs: retryDelayOf(fields) }
}

/** Whether a parsed answer is an error in disguise (HTTP 200 with an error body). */
export const isErrorBody = (body: unknown): boolean => {
  if (!isObject(body)) return false
  if (body['type'] === 'error' || body['object'] === 'error') return true
  const error = body['error']
  if (isObject(error) || (typeof error === 'string' && error !== '')) return true
  if (body['success'] === false && listOf(body['errors']).length > 0) return true
  const minimax = objectOf(body['base_resp'])
  return typeof minimax?.['status_code'] === 'number' && minimax['status_code'] !== 0
}
