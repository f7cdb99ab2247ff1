/** What the fakes' rules share: a vendor refuses a request by throwing a Refusal. */
import type { Json } from './json.ts'

/** A refused request, as the vendor answers it. */
export class Refusal extends Error {
  readonly status: number
  readonly body: Json

  constructor(status: number, body: Json) {
    super(JSON.stringify(body))
    this.status = status
    this.body = body
  }
}

const isList = (value: unknown): value is unknown[] => Array.isArray(value)

/** Whether some string or key in a value holds half a character: vendors' parsers refuse such bodies. */
export const holdsHalfCharacter = (value: unknown): boolean => {
  if (typeof value === 'string') return !value.isWellFormed()
  if (isList(value)) return value.some(holdsHalfCharacter)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, child]) => !key.isWellFormed() || holdsHalfCharacter(child))
}

/** The first field of an object that is not among the known ones. */
export const unknownField = (value: Json, known: string): string | undefined =>
  Object.keys(value).find((key) => !known.split(' ').includes(key))
