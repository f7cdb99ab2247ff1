/** Errors as HTTP answers. */
import { errorBody, errorKinds, errorStyleOf, pickLocale, type Locale, type MeshError } from '@clawmesh/contracts'

interface Asked {
  /** The address that was asked, where it could be read. */
  url?: string | undefined
  locale?: Locale | undefined
  /** Says the language where there is no locale. */
  acceptLanguage?: string | undefined
}

export interface ErrorAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

/** The answer that tells an error, in the shape that clients of the asked path expect. */
export const errorAnswer = (error: MeshError, { url, locale, acceptLanguage }: Asked): ErrorAnswer => {
  const body = JSON.stringify(errorBody(error, locale ?? pickLocale(acceptLanguage), errorStyleOf(url)))
  const { status, retryable } = errorKinds[error.code]
  return {
    status,
    body,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      ...(retryable && error.retryAfterMs !== undefined
        ? { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) }
        : {}),
    },
  }
}
