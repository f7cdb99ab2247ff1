/** Makes what an event tells fit to be stored: nothing that PostgreSQL refuses, no credentials, nothing endless. */
import { cutText, isSecretField, redacted, redactSecrets } from '@clawmesh/chassis'
import { cutPreview, previewEnds, scannedOf } from './preview.ts'

/** A text as PostgreSQL can hold it: no NUL and no half surrogate pair; each becomes U+FFFD. */
export const storable = (text: string): string => text.replaceAll('\0', '\uFFFD').toWellFormed()

/** A text without credentials, of at most `limit` characters; undefined when there is none. Of a long one only its ends are searched. */
export const cleanText = (text: string | undefined, limit: number): string | undefined => {
  if (!text) return undefined
  const { ends, leftOut } = previewEnds(text, limit)
  return cutPreview(redactSecrets(storable(ends)), limit, leftOut)
}

/** A name of at most `limit` characters, the rest cut off; undefined when there is none. */
export const cleanLabel = (text: string | undefined, limit: number): string | undefined =>
  !text ? undefined : cutText(storable(text), limit)

type Json = Record<string, unknown>

/** What of an object's texts is still looked at, characters. */
interface Budget {
  left: number
}
/** Stands for a text of an object that says as much as one long text already. */
const notKept = '[left out]'

const cleanValue = (name: string, value: unknown, limit: number, budget: Budget): unknown => {
  if (typeof value === 'string') {
    if (isSecretField(name)) return redacted
    budget.left -= Math.min(value.length, scannedOf(limit))
    return budget.left < 0 ? notKept : cleanText(value, limit)
  }
  if (Array.isArray(value)) return value.map((element) => cleanValue(name, element, limit, budget))
  if (typeof value === 'object' && value !== null) return cleanJson(value as Json, limit, budget)
  return value
}

/** An object whose texts are clean at any depth; undefined stays undefined. @throws RangeError when nested too deep */
export const cleanJson = <T extends Json | undefined>(
  json: T,
  limit: number,
  budget: Budget = { left: 2 * scannedOf(limit) },
): T =>
  (json === undefined
    ? undefined
    : Object.fromEntries(
        Object.entries(json).map(([name, value]) => [storable(name), cleanValue(name, value, limit, budget)]),
      )) as T
