import { timingSafeEqual } from 'node:crypto'
import { hashOf } from './credentials.ts'

const digestBytes = 32

/**
 * Tells by its hash whether a bearer is the secret. Both sides are digests of one length that are compared as a whole,
 * so the time it takes tells neither length nor beginning of the secret. An empty secret matches nothing.
 */
export const createSecretMatcher = (secret: string): ((bearerHash: string) => boolean) => {
  // As the bytes that a header would carry.
  const expected = Buffer.from(hashOf(Buffer.from(secret).toString('latin1')), 'hex')
  return (bearerHash) => {
    const given = Buffer.from(bearerHash, 'hex')
    return expected.length === digestBytes && given.length === digestBytes && timingSafeEqual(given, expected)
  }
}
