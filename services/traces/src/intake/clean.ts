/** Makes what an event tells fit to be stored: nothing that PostgreSQL refuses, no credentials, nothing endless. */
import { cutText, isSecretField, redacted, redactSecrets } from '@clawmesh/chassis'
import { cutPreview } from './preview.ts'

/** A text as PostgreSQL can hold it: no NUL and no half surrogate pair; each becomes U+FFFD. */
export const storable = (text: string): string => text.replaceAll('\0', '\uFFFD').toWellFormed()

/** A text without credentials, of at most `limit` characters; undefined when there is none. */
export const cleanText = (text: string | undefined, limit: number): string | undefined =>
  !text ? undefined : cutPreview(redactSecrets(storable(text)), limit)

/** A name of at most `limit` characters, the rest cut off; undefined when there is none. */
export const cleanLabel = (text: string | undefined, limit: number): string | undefined =>
  !text ? undefined : cutText(storable(text), limit)

type Json = Record<string, unknown>

const cleanValue = (name: string, value: unknown, limit: number): unknown => {
  if (typeof value === 'string') return isSecretField(name) ? redacted : cleanText(value, limit)
  if (Array.isArray(value)) return value.map((element) => cleanValue(name, element, limit))
  if (typeof value === 'object' && value !== null) return cleanJson(value as Json, limit)
  return value
}

/** An object whose texts are clean at any depth; undefined stays undefined. @throws RangeError when nested too deep */
export const cleanJson = <T extends Json | undefined>(json: T, limit: number): T =>
  (json === undefined
    ? undefined
    : Object.fromEntries(
        Object.entries(json).map(([name, value]) => [storable(name), cleanValue(name, value, limit)]),
      )) as T
