/** Values that a zod schema allows, and values that it must refuse, both worked out from its JSON Schema. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'

interface JsonSchema {
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  properties?: Record<string, JsonSchema>
  additionalProperties?: JsonSchema
  minProperties?: number
  required?: string[]
  items?: JsonSchema
  minItems?: number
  maxItems?: number
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
}

const jsonSchemaOf = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema

const branches = (schema: JsonSchema): JsonSchema[] => (schema.anyOf ?? schema.oneOf)?.flatMap(branches) ?? [schema]

/** Texts for patterns: nobody inverts a regular expression, so the first that fits is taken. */
const texts = [
  'sample',
  'Sample',
  '1',
  'a',
  'sample@example.org',
  'https://example.org',
  '2026-01-01',
  '* * * * *',
  'clawmesh.*',
]

const sampleText = ({ format, pattern, minLength = 0, maxLength = Infinity }: JsonSchema): string => {
  if (format === 'uuid') return randomUUID()
  if (format === 'date-time') return '2026-01-01T00:00:00Z'
  const expression = pattern === undefined ? /^/ : new RegExp(pattern, 'u')
  const fits = (text: string) => text.length >= minLength && text.length <= maxLength && expression.test(text)
  const found = [...texts, 'a'.repeat(Math.min(minLength, 10_000))].find(fits)
  if (found === undefined) throw new Error(`no sample for a text ${JSON.stringify({ format, pattern, minLength })}`)
  return found
}

const sampleNumber = (schema: JsonSchema): number => {
  const { minimum = 0, exclusiveMinimum, maximum, exclusiveMaximum } = schema
  const lowest = exclusiveMinimum === undefined ? minimum : exclusiveMinimum + 1
  const highest = exclusiveMaximum === undefined ? maximum : exclusiveMaximum - 1
  return Math.min(Math.max(lowest, 1), highest ?? Infinity)
}

/** A value for a schema: required members only, or all of them. */
const sampleOf = (schema: JsonSchema, all: boolean): unknown => {
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.anyOf !== undefined || schema.oneOf !== undefined) return sampleOf(branches(schema)[0]!, all)
  const [type] = [schema.type].flat()
  if (type === 'string') return sampleText(schema)
  if (type === 'number' || type === 'integer') return sampleNumber(schema)
  if (type === 'boolean') return true
  if (type === 'null') return null
  if (type === 'array') {
    const length = Math.max(schema.minItems ?? 0, all ? Math.min(1, schema.maxItems ?? 1) : 0)
    return Array.from({ length }, () => sampleOf(schema.items ?? {}, all))
  }
  if (type === 'object') {
    const { properties = {}, required = [], additionalProperties, minProperties = 0 } = schema
    if (minProperties > 0) return { sample: sampleOf(additionalProperties ?? {}, all) }
    return Object.fromEntries(
      Object.entries(properties).flatMap(([name, inner]) =>
        all || required.includes(name) ? [[name, sampleOf(inner, all)]] : [],
      ),
    )
  }
  return 'sample'
}

/**
 * A value that a schema takes, as small as possible.
 * @throws Error when none could be worked out: teach `sampleText` the pattern
 */
export const validSample = (schema: z.ZodType): unknown => {
  const json = jsonSchemaOf(schema)
  const candidates = [sampleOf(json, false), sampleOf(json, true)]
  const found = candidates.find((candidate) => schema.safeParse(candidate).success)
  if (found === undefined)
    throw new Error(`no sample fits: ${JSON.stringify(schema.safeParse(candidates[1]).error?.issues)}`)
  return found
}

export interface Fault {
  /** Says what is wrong, for people. */
  what: string
  /** Where; empty for the whole value. */
  path: string[]
  value: unknown
}

/** A value of each JSON type. */
const byType: Readonly<Record<string, unknown>> = {
  string: 'text',
  number: 1.5,
  boolean: true,
  null: null,
  array: ['text'],
  object: { text: 'text' },
}

const typesOf = (schema: JsonSchema): Set<string> =>
  new Set(
    branches(schema).flatMap(({ type, enum: values, const: only }) => {
      if (type !== undefined) return [type].flat()
      if (only !== undefined || values !== undefined) return [only, ...(values ?? [])].map((value) => typeof value)
      return Object.keys(byType)
    }),
  )

function* wrongTypes(schema: JsonSchema): Generator<Fault> {
  const allowed = typesOf(schema)
  for (const [type, value] of Object.entries(byType))
    if (!allowed.has(type) && !(type === 'number' && allowed.has('integer')))
      yield { what: `${type} for ${[...allowed].join(' or ')}`, path: [], value }
  if (allowed.has('integer') && !allowed.has('number')) yield { what: 'fraction', path: [], value: 1.5 }
}

function* outOfBounds(schema: JsonSchema): Generator<Fault> {
  const fault = (what: string, value: unknown): Fault => ({ what, path: [], value })
  const { maxLength, minLength, minimum, maximum, minItems, pattern, format } = schema
  if (maxLength !== undefined && maxLength < 300_000) yield fault('too long', 'a'.repeat(maxLength + 1))
  if (minLength !== undefined && minLength > 0) yield fault('too short', '')
  if (minimum !== undefined) yield fault('too small', minimum - 1)
  if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) yield fault('too large', maximum + 1)
  if (minItems !== undefined && minItems > 0) yield fault('too few', [])
  if (pattern !== undefined) yield fault('against the pattern', '../ \u0001 <b>')
  if (format !== undefined) yield fault(`no ${format}`, 'not-a-valid-one')
  if (schema.enum !== undefined) yield fault('not listed', 'not-listed-anywhere')
}

/** What a text must not hide, wherever it stands: it would break what stores it. */
function* unstorable(schema: JsonSchema): Generator<Fault> {
  if (!typesOf(schema).has('string')) return
  yield { what: 'NUL character', path: [], value: 'a\0b' }
  yield { what: 'half a surrogate pair', path: [], value: 'a\ud800b' }
}

/** Faults worth trying on a value of this schema; not all of them need be refused. */
function* candidates(schema: JsonSchema, depth: number): Generator<Fault> {
  yield* wrongTypes(schema)
  for (const branch of branches(schema)) {
    yield* outOfBounds(branch)
    yield* unstorable(branch)
    if (depth === 0) continue
    const base = sampleOf(branch, false)
    for (const [name, inner] of Object.entries(branch.properties ?? {}))
      for (const fault of candidates(inner, depth - 1))
        yield { ...fault, path: [name, ...fault.path], value: { ...(base as object), [name]: fault.value } }
    for (const name of branch.required ?? []) {
      const { [name]: _missing, ...rest } = base as Record<string, unknown>
      yield { what: 'missing', path: [name], value: rest }
    }
    if (branch.items !== undefined)
      for (const fault of candidates(branch.items, depth - 1))
        yield { ...fault, path: ['0', ...fault.path], value: [fault.value] }
  }
}

const deepest = 4

/**
 * The faults of a body, each in a value that is right but for it. Those that the schema takes after all are left out,
 * but for texts that cannot be stored, which no schema knows of.
 */
export const faultsOf = (schema: z.ZodType): Fault[] => {
  const base = validSample(schema) as Record<string, unknown>
  const isStorage = ({ what }: Fault) => what === 'NUL character' || what === 'half a surrogate pair'
  return [...candidates(jsonSchemaOf(schema), deepest)]
    .map((fault) => {
      const [name] = fault.path
      if (name === undefined) return fault
      // The value that was made for this fault brings required members only; the base brings what a refinement wants.
      const { [name]: _own, ...rest } = base
      const member = (fault.value as Record<string, unknown>)[name]
      return { ...fault, value: fault.what === 'missing' && member === undefined ? rest : { ...base, [name]: member } }
    })
    .filter((fault) => isStorage(fault) || !schema.safeParse(fault.value).success)
}

/** Top-level members of an object schema. */
export const membersOf = (schema: z.ZodType): string[] =>
  branches(jsonSchemaOf(schema)).flatMap(({ properties = {} }) => Object.keys(properties))
