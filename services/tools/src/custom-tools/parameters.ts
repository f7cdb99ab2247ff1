/** The JSON Schema of a custom tool's arguments, as something that checks them. */
import { z } from 'zod'

/** Regular expressions of others do not run here; a model sees them all the same. */
const unchecked = new Set(['pattern', 'patternProperties', 'format'])
/** Under these, what looks like a keyword is somebody's name for a field. */
const named = new Set(['properties', '$defs', 'definitions', 'dependentSchemas'])
/** What stands there is data. */
const data = new Set(['default', 'const', 'enum', 'examples'])

const checkable = (value: unknown, isNamed = false): unknown => {
  if (Array.isArray(value)) return value.map((item) => checkable(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) =>
      !isNamed && unchecked.has(key)
        ? []
        : [[key, !isNamed && data.has(key) ? inner : checkable(inner, !isNamed && named.has(key))]],
    ),
  )
}

const shape = z.looseObject({
  type: z.literal('object').optional(),
  properties: z.record(z.string(), z.union([z.looseObject({}), z.boolean()])).optional(),
  required: z.array(z.string()).optional(),
})

/** As models are given it. */
export const shownParameters = (parameters: Readonly<Record<string, unknown>>): Record<string, unknown> => ({
  properties: {},
  ...parameters,
  type: 'object',
})

/** What checks arguments; undefined for what is no JSON Schema of an object. */
export const argumentsSchema = (parameters: Readonly<Record<string, unknown>>): z.ZodObject | undefined => {
  if (!shape.safeParse(parameters).success) return undefined
  try {
    const schema = z.fromJSONSchema(checkable(shownParameters(parameters)) as Parameters<typeof z.fromJSONSchema>[0])
    schema.safeParse({})
    // Rules beside the fields make it an intersection, which is asked in the same way.
    return schema as unknown as z.ZodObject
  } catch {
    return undefined
  }
}
