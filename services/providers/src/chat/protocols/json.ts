/** Reading foreign JSON with plain property checks: a delta passes here, so no schema library. */
import { jsonExcess, type JsonLimits } from '@clawmesh/chassis'
import { bounds } from './bounds.ts'

export type Json = Record<string, unknown>

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value as an object, undefined for anything else. */
export const objectOf = (value: unknown): Json | undefined => (isObject(value) ? value : undefined)

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** The value as text, '' for anything else. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const largestCount = 2 ** 31 - 1

/** The value as a whole number that fits an int32, 0 for anything else. */
export const countOf = (value: unknown): number =>
  typeof value === 'number' && value > 0 ? Math.min(Math.trunc(value), largestCount) : 0

/** Follows JSON text as it comes, piece by piece, without parsing it. Counts brackets outside of strings. */
export interface JsonScan {
  /** @returns false once the text is nested deeper than the limit */
  add(piece: string): boolean
  /** Whether what came so far is one object or array with all its brackets closed. */
  closed(): boolean
}

export const createJsonScan = (limit: number = bounds.nesting): JsonScan => {
  let depth = 0
  let deepest = 0
  let inString = false
  let escaped = false
  return {
    add(piece) {
      for (let at = 0; at < piece.length && deepest <= limit; at++) {
        const unit = piece.charCodeAt(at)
        if (escaped) escaped = false
        else if (inString) {
          if (unit === 0x5c) escaped = true
          else if (unit === 0x22) inString = false
        } else if (unit === 0x22) inString = true
        else if (unit === 0x7b || unit === 0x5b) deepest = Math.max(deepest, ++depth)
        else if (unit === 0x7d || unit === 0x5d) depth--
      }
      return deepest <= limit
    },
    closed: () => deepest > 0 && depth === 0 && !inString,
  }
}

/** What a JSON text may be made of: what is deep cannot be walked by recursion, and many small values are seconds of work. */
export const jsonLimits: JsonLimits = { depth: bounds.nesting, values: bounds.values }

/** Parses JSON, undefined when it is none or exceeds a limit. */
export const parseJson = (text: string, limits = jsonLimits): unknown => {
  if (jsonExcess(text, limits) !== undefined) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The value with no half character in any string or key of it. Nested no deeper than `parseJson` allows. */
export const wellFormed = (value: unknown): unknown => {
  if (typeof value === 'string') return value.toWellFormed()
  if (Array.isArray(value)) return value.map(wellFormed)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key.toWellFormed(), wellFormed(child)]))
}

/** JSON text of what vendors take: half characters, which JSON would carry as `\ud83d` and vendors refuse, become U+FFFD. */
export const jsonText = (value: Json): string => {
  const text = JSON.stringify(value)
  // The search is cheap and rarely finds anything; what it finds need not be a half character.
  return text.includes('\\ud') ? JSON.stringify(wellFormed(value)) : text
}

/** A body of JSON: the fields of `body`, and those whose values are JSON text already. */
export const bodyText = (body: Json, written: Readonly<Record<string, string>> = {}): string => {
  const text = jsonText(body)
  const further = Object.entries(written).map(([name, value]) => `,${JSON.stringify(name)}:${value}`)
  return `${text.slice(0, -1)}${further.join('')}}`
}
