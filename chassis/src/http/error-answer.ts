/** Errors as HTTP answers. */
import { randomUUID } from 'node:crypto'
import {
  errorBody,
  errorKinds,
  errorLine,
  errorStyleOf,
  pickLocale,
  retryOf,
  type Locale,
  type MeshError,
} from '@clawmesh/contracts'

interface Asked {
  /** The address that was asked, where it could be read. */
  url?: string | undefined
  locale?: Locale | undefined
  /** Says the language where there is no locale. */
  acceptLanguage?: string | undefined
  /** Under which the request is known; a new one where it never got one. */
  requestId?: string | undefined
}

export interface ErrorAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

/** `Retry-After` counts whole seconds, and 0 of them would be no pause. */
const wholeSeconds = (ms: number): string => String(Math.max(1, Math.ceil(ms / 1000)))

/** What an error says about repeating, as clients of OpenAI's API read it. */
const retryHeaders = (error: MeshError): Record<string, string> => {
  const { retryable, retryAfterMs } = retryOf(error)
  const headers = { 'x-should-retry': String(retryable) }
  if (retryAfterMs === undefined) return headers
  return { ...headers, 'retry-after': wholeSeconds(retryAfterMs), 'retry-after-ms': String(retryAfterMs) }
}

/** The answer that tells an error, in the shape that clients of the asked path expect. */
export const errorAnswer = (
  error: MeshError,
  { url, locale, acceptLanguage, requestId = randomUUID() }: Asked,
): ErrorAnswer => {
  const style = errorStyleOf(url)
  const language = locale ?? pickLocale(acceptLanguage)
  const body =
    style === 'text' ? errorLine(error, language) : JSON.stringify(errorBody(error, language, style, requestId))
  return {
    status: errorKinds[error.code].status,
    body,
    headers: {
      'content-type': `${style === 'text' ? 'text/plain' : 'application/json'}; charset=utf-8`,
      'content-length': String(Buffer.byteLength(body)),
      'x-request-id': requestId,
      ...(style === 'anthropic' ? { 'request-id': requestId } : {}),
      ...retryHeaders(error),
    },
  }
}
