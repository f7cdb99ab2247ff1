/** Keys for things that people name: lower-case letters, digits and inner hyphens. */
import { randomBytes } from 'node:crypto'
import anyAscii from 'any-ascii'
import { uuid } from '@clawmesh/contracts'
import { cutText } from '../text/cut.ts'

/** Keys that mean something by themselves. */
const reservedKeys: ReadonlySet<string> = new Set(['default', 'master', 'system'])
/** Characters of a name that are looked at, before they are transliterated. */
const maxNameLength = 255

const shorten = (key: string, max: number): string => key.slice(0, max).replace(/-$/, '')

/**
 * A key from a name: letters of other scripts are transliterated, everything that is neither letter nor digit becomes a
 * hyphen. A name without any gives `<kind>-` and 6 random hex digits; what would be a reserved word or could be taken for
 * an id has `<kind>-` before it. At most `max` characters.
 */
export const keyOfName = (name: string, kind: 'agent' | 'tenant', max: number): string => {
  const words = cutText(name, maxNameLength).replace(/[^\p{L}\p{M}\p{N}]+/gu, '-')
  const key = shorten(
    anyAscii(words)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-/, ''),
    max,
  )
  if (key === '') return `${kind}-${randomBytes(3).toString('hex')}`
  return reservedKeys.has(key) || uuid.safeParse(key).success ? shorten(`${kind}-${key}`, max) : key
}
