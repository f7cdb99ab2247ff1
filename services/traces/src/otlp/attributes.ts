/** Attributes as plain values. */
import type { AnyValue, KeyValue } from './request.ts'

export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain }
/** The first of several that have the same name counts. */
export type Attributes = ReadonlyMap<string, Plain>

const plain = (value: AnyValue | undefined): Plain => {
  const { stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue } = value ?? {}
  if (intValue !== undefined) return Number(intValue)
  if (doubleValue !== undefined) return Number.isFinite(Number(doubleValue)) ? Number(doubleValue) : String(doubleValue)
  if (arrayValue !== undefined) return (arrayValue.values ?? []).map(plain)
  if (kvlistValue !== undefined)
    return Object.fromEntries((kvlistValue.values ?? []).map(({ key, value: inner }) => [key, plain(inner)]))
  return stringValue ?? boolValue ?? bytesValue ?? null
}

export const attributesOf = (pairs: readonly KeyValue[]): Attributes => {
  const attributes = new Map<string, Plain>()
  for (const { key, value } of pairs) if (!attributes.has(key)) attributes.set(key, plain(value))
  return attributes
}

/** The first of some attributes that is there as a text. */
export const textIn = (attributes: Attributes, ...names: readonly string[]): string | undefined => {
  for (const name of names) {
    const value = attributes.get(name)
    if (typeof value === 'string' && value !== '') return value
  }
  return undefined
}

/** The first that is there as a number of something: not negative. */
export const countIn = (attributes: Attributes, ...names: readonly string[]): number | undefined => {
  for (const name of names) {
    const value = attributes.get(name)
    if (typeof value === 'number' && value >= 0) return Math.floor(value)
  }
  return undefined
}

/** What was said, which is a text or, as the conventions have it now, structured. */
export const contentIn = (attributes: Attributes, ...names: readonly string[]): string | undefined => {
  for (const name of names) {
    const value = attributes.get(name)
    if (value !== undefined && value !== null && value !== '')
      return typeof value === 'string' ? value : JSON.stringify(value)
  }
  return undefined
}
