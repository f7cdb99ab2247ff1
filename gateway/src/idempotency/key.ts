/** Reads an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07). */
import { MeshError } from '@clawmesh/contracts'

export const keyHeader = 'idempotency-key'
const maxLength = 255

/** An sf-string (RFC 9651, section 3.3.3): printable ASCII, `"` and `\` escaped. */
const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/
/** What is widely sent instead: a word without quotes, such as a UUID. */
const bare = /^[A-Za-z0-9!#$%&'*+.^_`|~:/=@-]+$/

/** The key that a header names; quoted or bare it is the same. @throws INVALID_REQUEST */
export const readKey = (header: string): string => {
  const key = quoted.exec(header)?.[1]?.replace(/\\(.)/g, '$1') ?? (bare.test(header) ? header : '')
  if (key === '' || key.length > maxLength)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_header', { field: 'Idempotency-Key' })
  return key
}
