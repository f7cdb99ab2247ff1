/**
 * The one rule by which the domain's camelCase and the contract's names meet, for HTTP and WebSocket alike. It follows
 * the contract's schema, so that somebody's own JSON (open objects, records, plain unions) passes as it is. What the
 * schema does not name is left out. Each schema is read once.
 */
import { z } from 'zod'
import { perObject } from '../per-object.ts'

type Translate = (value: unknown) => unknown

const same: Translate = (value) => value

/** `display_name` -> `displayName`. A leading underscore stays. */
export const camelCase = (name: string): string =>
  name.replace(/(?<=[^_])_([^_])/g, (_, letter: string) => letter.toUpperCase())

const isOpen = ({ def: { catchall } }: z.ZodObject): boolean =>
  catchall !== undefined && !(catchall instanceof z.ZodNever)

const acceptsNull = (schema: z.ZodType): boolean => schema.safeParse(null).success

/** Wrappers that change nothing about the names inside. */
const unwrapped = (schema: z.ZodType): z.ZodType | undefined =>
  schema instanceof z.ZodOptional ||
  schema instanceof z.ZodNullable ||
  schema instanceof z.ZodDefault ||
  schema instanceof z.ZodPrefault ||
  schema instanceof z.ZodCatch ||
  schema instanceof z.ZodReadonly
    ? (schema.unwrap() as z.ZodType)
    : undefined

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

type Compile = (schema: z.ZodType) => Translate

/** Translates the option that the discriminator names; an unknown one is left to validation. */
const compileDiscriminated = (schema: z.ZodDiscriminatedUnion, nameIn: (field: string) => string, compile: Compile) => {
  const { discriminator } = schema.def
  const options = (schema.options as z.ZodObject[]).map((option) => ({
    accepts: (value: unknown) => (option.shape[discriminator] as z.ZodType).safeParse(value).success,
    translate: compile(option),
  }))
  return (value: unknown): unknown => {
    if (!isRecord(value)) return value
    const named = value[nameIn(discriminator)]
    return options.find(({ accepts }) => accepts(named))?.translate(value) ?? value
  }
}

const compileElements = (schema: z.ZodArray, compile: Compile): Translate => {
  const element = compile(schema.element as z.ZodType)
  return element === same ? same : (value) => (Array.isArray(value) ? value.map(element) : value)
}

const dateAware: Translate = (value) => (value instanceof Date ? value.toISOString() : value)

const compileResponse: Compile = perObject((schema) => {
  const inner = unwrapped(schema)
  if (inner !== undefined) return compileResponse(inner)
  if (schema instanceof z.ZodISODateTime) return dateAware
  if (schema instanceof z.ZodArray) return compileElements(schema, compileResponse)
  if (schema instanceof z.ZodDiscriminatedUnion) return compileDiscriminated(schema, camelCase, compileResponse)
  if (!(schema instanceof z.ZodObject) || isOpen(schema)) return same
  const fields = Object.entries(schema.shape as Record<string, z.ZodType>).map(([field, fieldSchema]) => ({
    field,
    name: camelCase(field),
    isOptional: fieldSchema instanceof z.ZodOptional,
    keepsNull: acceptsNull(fieldSchema),
    translate: compileResponse(fieldSchema),
  }))
  return (value) => {
    if (!isRecord(value)) return value
    const translated: Record<string, unknown> = {}
    for (const { field, name, isOptional, keepsNull, translate } of fields) {
      const given = value[name]
      if (isOptional && (given === undefined || given === '' || (given === null && !keepsNull))) continue
      translated[field] = given === undefined || given === null ? given : translate(given)
    }
    return translated
  }
})

const compileRequest: Compile = perObject((schema) => {
  const inner = unwrapped(schema)
  if (inner !== undefined) return compileRequest(inner)
  if (schema instanceof z.ZodArray) return compileElements(schema, compileRequest)
  if (schema instanceof z.ZodDiscriminatedUnion)
    return compileDiscriminated(schema, same as () => string, compileRequest)
  if (!(schema instanceof z.ZodObject) || isOpen(schema)) return same
  const fields = Object.entries(schema.shape as Record<string, z.ZodType>).map(([field, fieldSchema]) => ({
    field,
    name: camelCase(field),
    translate: compileRequest(fieldSchema),
  }))
  return (value) => {
    if (!isRecord(value)) return value
    const translated: Record<string, unknown> = {}
    for (const { field, name, translate } of fields) {
      const given = value[field]
      if (given !== undefined) translated[name] = given === null ? null : translate(given)
    }
    return translated
  }
})

/**
 * A handler's answer in the contract's form: names translated, dates as ISO 8601, optional fields without a value (null
 * where the contract has no null, undefined, the empty text) left out, and everything that the schema does not name.
 */
export const toContract = (schema: z.ZodType, value: unknown): unknown => compileResponse(schema)(value)

/** A validated request in the domain's form. */
export const fromContract = (schema: z.ZodType, value: unknown): unknown => compileRequest(schema)(value)
