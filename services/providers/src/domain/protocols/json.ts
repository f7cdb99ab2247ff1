/** Reading foreign JSON with plain property checks: a delta passes here, so no schema library. */

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

/** Parses JSON, undefined when it is none. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
