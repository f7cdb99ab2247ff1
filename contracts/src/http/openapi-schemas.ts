/** JSON Schemas of the tables' zod schemas, the named ones as components that are told once and referred to. */
import { z } from 'zod'

export type JsonSchema = Record<string, unknown>

const componentPath = '#/components/schemas/'

/** Says what a schema means, not how zod checks it. */
const tidy =
  (io: 'input' | 'output') =>
  ({ jsonSchema }: { jsonSchema: JsonSchema }): void => {
    // A format says the same as the pattern that zod checks it by.
    if (jsonSchema['format'] !== undefined) delete jsonSchema['pattern']
    // Answers may get members that today's clients do not know.
    if (io === 'output' && jsonSchema['additionalProperties'] === false) delete jsonSchema['additionalProperties']
    for (const bound of ['minimum', 'maximum'])
      if (Math.abs(Number(jsonSchema[bound] ?? 0)) >= Number.MAX_SAFE_INTEGER) delete jsonSchema[bound]
  }

/** References into `$defs`, which zod makes, as references to components. */
const relinked = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(relinked)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === '$ref' && typeof inner === 'string'
        ? [key, inner.replace('#/$defs/', componentPath)]
        : [key, relinked(inner)],
    ),
  )
}

export interface SchemaComponents {
  /** Every named schema so far. */
  readonly schemas: Record<string, JsonSchema>
  /** The JSON Schema of a zod schema; parts with an `id` in their metadata become components. */
  schemaOf: (schema: z.ZodType, io: 'input' | 'output') => JsonSchema
  /** Makes a component of an object schema and gives the reference to it; anything smaller stays where it is. */
  named: (name: string, schema: JsonSchema) => JsonSchema
  /** What a schema says when its reference is followed. */
  resolve: (schema: JsonSchema) => JsonSchema
}

/** @throws Error when two different schemas have one name */
export const createSchemaComponents = (): SchemaComponents => {
  const schemas: Record<string, JsonSchema> = {}
  const add = (name: string, schema: JsonSchema): void => {
    const known = schemas[name]
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema))
      throw new Error(`two schemas are called ${name}`)
    schemas[name] = schema
  }

  return {
    schemas,
    schemaOf: (schema, io) => {
      const {
        $schema: _schema,
        $defs = {},
        ...root
      } = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: tidy(io) }) as JsonSchema
      for (const [name, definition] of Object.entries($defs as Record<string, JsonSchema>))
        add(name, relinked(definition) as JsonSchema)
      return relinked(root) as JsonSchema
    },
    named: (name, schema) => {
      if (schema['type'] !== 'object' && schema['anyOf'] === undefined) return schema
      add(name, schema)
      return { $ref: `${componentPath}${name}` }
    },
    resolve: (schema) => {
      const { $ref: ref, ...rest } = schema
      return typeof ref === 'string' ? { ...schemas[ref.slice(componentPath.length)], ...rest } : schema
    },
  }
}
