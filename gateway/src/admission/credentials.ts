/** What a request says about who makes it. Nothing of it is believed yet. */
import { hash } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { MeshError, pickLocale, type Locale } from '@clawmesh/contracts'

export interface PresentedCredentials {
  /** Text after `Bearer `; empty when there is none. */
  readonly bearer: string
  /** SHA-256 of the bearer's bytes, lower-case hex; empty when there is none. */
  readonly bearerHash: string
  readonly userId: string
  /** What a paired browser calls itself; empty when there is none, or a credential that has to hold by itself. */
  readonly senderId: string
  /** Id or slug of a tenant. */
  readonly tenant: string
  readonly locale: Locale
}

const scheme = /^Bearer /i
const maxUserIdBytes = 255
const maxSenderIdBytes = 200
/** Tokens of large issuers take a few kilobytes; what is longer would only cost hashing. */
export const maxBearerBytes = 8_192

const controls = /\p{Cc}/u
const beyondAscii = /[\u0080-\u00ff]/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Node hands header bytes over as Latin-1; identifiers are UTF-8. @throws INVALID_REQUEST naming the header */
export const decode = (name: string, bytes: string): string => {
  try {
    const text = beyondAscii.test(bytes) ? utf8.decode(Buffer.from(bytes, 'latin1')) : bytes
    if (!controls.test(text)) return text
  } catch {
    // Not UTF-8: answered like any other unusable value.
  }
  throw new MeshError('INVALID_REQUEST', 'error.invalid_header', { field: name })
}

const header = (headers: IncomingHttpHeaders, name: string): string => {
  const value = headers[name.toLowerCase()]
  return typeof value === 'string' ? value : ''
}

/** The token of an `Authorization` header of the scheme `Bearer`, in any case (RFC 9110, 11.1), else nothing. */
export const bearerOf = (authorization = ''): string =>
  authorization.length <= maxBearerBytes && scheme.test(authorization) ? authorization.replace(scheme, '') : ''

const credentialHeaders = [
  'Authorization',
  'X-Api-Key',
  'X-GoClaw-User-Id',
  'X-GoClaw-Sender-Id',
  'X-GoClaw-Tenant-Id',
] as const

/**
 * Of a credential that is sent twice nobody can say which one counts: what is in front may have looked at the other.
 * @throws INVALID_REQUEST naming the header
 */
export const refuseRepeatedCredentials = ({ headersDistinct }: Pick<IncomingMessage, 'headersDistinct'>): void => {
  const repeated = credentialHeaders.find((name) => (headersDistinct[name.toLowerCase()]?.length ?? 0) > 1)
  if (repeated !== undefined) throw new MeshError('INVALID_REQUEST', 'error.invalid_header', { field: repeated })
}

/** Hash of a token as sent: one character of a header is one byte. */
export const hashOf = (bearer: string): string => (bearer === '' ? '' : hash('sha256', Buffer.from(bearer, 'latin1')))

/**
 * Reads the credentials of a request. A user id over 255 bytes counts as absent. `otherToken` is what the
 * address or a header of its own gives where `Authorization` does not, one character a byte.
 * @throws INVALID_REQUEST naming a bad header
 */
export const readCredentials = (headers: IncomingHttpHeaders, otherToken = ''): PresentedCredentials => {
  const bearer = bearerOf(otherToken === '' ? headers.authorization : `Bearer ${otherToken}`)
  const userId = header(headers, 'X-GoClaw-User-Id')
  const senderId = header(headers, 'X-GoClaw-Sender-Id')
  const tenant = header(headers, 'X-GoClaw-Tenant-Id')
  // A wrong token is refused, not weakened to what its browser may do.
  const showsCredential = headers.authorization !== undefined || otherToken !== ''
  return {
    bearer,
    bearerHash: hashOf(bearer),
    userId: userId.length > maxUserIdBytes ? '' : decode('X-GoClaw-User-Id', userId),
    senderId: showsCredential || senderId.length > maxSenderIdBytes ? '' : decode('X-GoClaw-Sender-Id', senderId),
    tenant: decode('X-GoClaw-Tenant-Id', tenant),
    locale: pickLocale(headers['accept-language']),
  }
}
