/**
 * JSON Schemas of tools, cut down to what each family of models accepts. Pure functions: a schema goes in, another
 * comes out. Schemas come from tenants' own MCP servers, so references are followed with limits on depth and size.
 */
import { isObject, listOf, objectOf, textOf, type Json } from './json.ts'

export type SchemaProfile = 'anthropic' | 'generic' | 'gemini' | 'xai' | 'strict'

const depthLimit = 64
const nodeLimit = 10_000
/** A longer pointer leads nowhere; each is followed at every node that holds it. */
const longestRef = 1_000

type Visit = (schema: unknown) => unknown

const eachValue = (value: unknown, visit: Visit): unknown =>
  isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, child]) => [key, visit(child)])) : value
const eachItem = (value: unknown, visit: Visit): unknown => (Array.isArray(value) ? value.map(visit) : value)
const itself = (value: unknown, visit: Visit): unknown => (isObject(value) ? visit(value) : value)
const itselfOrItems = (value: unknown, visit: Visit): unknown =>
  Array.isArray(value) ? value.map(visit) : itself(value, visit)

/** Where a schema holds other schemas; everything else (enum, default, a property called "items") is plain data. */
const schemaPlaces = new Map<string, (value: unknown, visit: Visit) => unknown>([
  ['properties', eachValue],
  ['patternProperties', eachValue],
  ['dependentSchemas', eachValue],
  ['anyOf', eachItem],
  ['oneOf', eachItem],
  ['allOf', eachItem],
  ['prefixItems', eachItem],
  ['items', itselfOrItems],
  ['additionalProperties', itself],
  ['additionalItems', itself],
  ['propertyNames', itself],
  ['contains', itself],
  ['not', itself],
  ['if', itself],
  ['then', itself],
  ['else', itself],
])

const mapChildren = (schema: Json, visit: Visit): Json =>
  Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, schemaPlaces.get(key)?.(value, visit) ?? value]),
  )

const without = (schema: Json, dropped: ReadonlySet<string>): Json =>
  Object.fromEntries(Object.entries(schema).filter(([key]) => !dropped.has(key)))

/** Applies `change` to every schema node, innermost first. A boolean schema counts as "anything". */
const everyNode = (schema: unknown, change: (node: Json) => Json): Json =>
  change(mapChildren(objectOf(schema) ?? {}, (child) => everyNode(child, change)))

// ---- references

const resolvePointer = (root: Json, ref: string): Json | undefined => {
  if (ref === '#') return root
  if (!ref.startsWith('#/') || ref.length > longestRef) return undefined
  let at: unknown = root
  for (const part of ref.slice(2).split('/')) {
    const key = decodeURIComponentSafely(part).replaceAll('~1', '/').replaceAll('~0', '~')
    if (Array.isArray(at)) at = at[Number(key)]
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  }
  return objectOf(at)
}

const decodeURIComponentSafely = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const referenceKeys = new Set(['$ref', '$defs', 'definitions'])

/** Local `$ref`s replaced by what they point to; circular, foreign and too deep ones by an open object. */
export const inlineReferences = (schema: unknown): Json => {
  const root = objectOf(schema) ?? {}
  let nodes = 0
  const inline = (value: unknown, open: readonly string[], depth: number): unknown => {
    if (!isObject(value)) return value
    if (depth > depthLimit || ++nodes > nodeLimit) return { type: 'object' }
    const ref = textOf(value['$ref'])
    const rest = without(value, referenceKeys)
    if (ref === '') return mapChildren(rest, (child) => inline(child, open, depth + 1))
    if (open.includes(ref)) return { type: 'object', ...rest }
    const found = resolvePointer(root, ref)
    return inline({ ...found, ...rest }, [...open, ref], depth + 1)
  }
  return inline(root, ['#'], 0) as Json
}

// ---- unions

const typesOf = ({ type }: Json): string[] => [type].flat().filter((name): name is string => typeof name === 'string')

const isNull = (schema: Json): boolean =>
  (typesOf(schema).length === 1 && schema['type'] === 'null') ||
  ('const' in schema && schema['const'] === null) ||
  (Array.isArray(schema['enum']) && schema['enum'].length > 0 && schema['enum'].every((value) => value === null))

const choicesOf = (schema: Json): readonly unknown[] | undefined =>
  'const' in schema ? [schema['const']] : Array.isArray(schema['enum']) ? schema['enum'] : undefined

const isObjectSchema = (schema: Json): boolean => typesOf(schema).includes('object') || isObject(schema['properties'])

const requiredOf = (schema: Json): string[] => listOf(schema['required']).filter((name) => typeof name === 'string')

/** The same schema, null allowed as well. */
const orNull = (schema: Json): Json => {
  const types = typesOf(schema)
  const choices: readonly unknown[] = listOf(schema['enum'])
  return {
    ...schema,
    ...(types.length > 0 && !types.includes('null') ? { type: [...types, 'null'] } : {}),
    ...(choices.length > 0 && !choices.includes(null) ? { enum: [...choices, null] } : {}),
  }
}

const typeOfValue = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value

const mergeChoices = (variants: Json[]): Json => {
  const values = [...new Set(variants.flatMap((variant) => [...(choicesOf(variant) ?? [])]))]
  const types = [...new Set(values.map(typeOfValue))]
  return { ...(types.length === 1 ? { type: types[0] } : {}), enum: values }
}

const mergeObjects = (variants: Json[], required: string[]): Json => ({
  type: 'object',
  properties: Object.fromEntries(variants.flatMap((variant) => Object.entries(objectOf(variant['properties']) ?? {}))),
  ...(required.length > 0 ? { required } : {}),
})

const intersection = (lists: string[][]): string[] =>
  lists.reduce((left, list) => {
    const names = new Set(list)
    return left.filter((name) => names.has(name))
  }, lists[0] ?? [])

const mergeVariants = (variants: Json[]): Json => {
  if (variants.every((variant) => choicesOf(variant) !== undefined)) return mergeChoices(variants)
  if (variants.every(isObjectSchema)) return mergeObjects(variants, intersection(variants.map(requiredOf)))
  // No common form exists; the first variant is the one authors put first.
  return variants[0] ?? {}
}

const unionKeys = ['anyOf', 'oneOf'] as const

const flattenNode = (node: Json): Json => {
  let flat = node
  for (const key of unionKeys) {
    if (!Array.isArray(flat[key])) continue
    const variants = flat[key].map((variant) => objectOf(variant) ?? {})
    const rest = without(flat, new Set([key]))
    const real = variants.filter((variant) => !isNull(variant))
    const merged = real.length === 0 ? {} : mergeUnder(mergeVariants(real), rest)
    flat = real.length < variants.length ? orNull(merged) : merged
  }
  return flat
}

/** A merged union under the node that held it: the node's own words win, properties and required names add up. */
const mergeUnder = (merged: Json, rest: Json): Json => {
  if (!isObjectSchema(merged) || !isObjectSchema(rest)) return { ...merged, ...rest }
  const required = [...new Set([...requiredOf(rest), ...requiredOf(merged)])]
  return {
    ...merged,
    ...rest,
    properties: { ...objectOf(merged['properties']), ...objectOf(rest['properties']) },
    ...(required.length > 0 ? { required } : {}),
  }
}

/** `anyOf` and `oneOf` made one schema: choices to an enum, objects merged (required by all), else the first variant. */
export const flattenUnions = (schema: Json): Json => everyNode(schema, flattenNode)

const addObjectType = (schema: Json): Json =>
  everyNode(schema, (node) =>
    node['type'] === undefined && (isObject(node['properties']) || Array.isArray(node['required']))
      ? { type: 'object', ...node }
      : node,
  )

// ---- vendors

const geminiDrops = new Set([
  'additionalProperties',
  'patternProperties',
  '$schema',
  '$id',
  'examples',
  'default',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'pattern',
  'format',
  'minItems',
  'maxItems',
  'uniqueItems',
])

const geminiNode = (node: Json): Json => {
  const { const: only, ...open } = without(node, geminiDrops)
  const types = typesOf(open).filter((type) => type !== 'null')
  return {
    ...open,
    ...(only === undefined ? {} : { enum: [only] }),
    ...(Array.isArray(open['enum']) ? { enum: open['enum'].filter((value) => value !== null) } : {}),
    ...(Array.isArray(open['type']) ? { type: types[0] ?? 'string' } : {}),
  }
}

const xaiDrops = new Set(['minLength', 'maxLength', 'minItems', 'maxItems', 'minContains', 'maxContains'])

const passes: Record<SchemaProfile, readonly ((schema: Json) => Json)[]> = {
  anthropic: [],
  generic: [flattenUnions, addObjectType],
  gemini: [flattenUnions, (schema) => everyNode(schema, geminiNode)],
  xai: [flattenUnions, addObjectType, (schema) => everyNode(schema, (node) => without(node, xaiDrops))],
  strict: [flattenUnions, addObjectType],
}

/** A tool's parameter schema as the models of a profile take it; always an object schema. */
export const cleanSchema = (schema: unknown, profile: SchemaProfile): Json => {
  const clean = passes[profile].reduce((at, pass) => pass(at), inlineReferences(schema))
  return clean['type'] === 'object' ? clean : { properties: {}, ...clean, type: 'object' }
}

// ---- strict mode

const strictDrops = new Set(['default', '$schema', '$id', 'examples'])
const notStrict = ['patternProperties', 'not', 'if', 'then', 'else', 'allOf', 'prefixItems', 'dependentSchemas']

class NotStrict extends Error {}

const strictNode = (node: Json): Json => {
  if (notStrict.some((key) => key in node)) throw new NotStrict()
  const open = without(node, strictDrops)
  if (!isObjectSchema(open)) {
    if (typesOf(open).length > 0) return open
    const types = [...new Set((choicesOf(open) ?? []).map(typeOfValue))]
    if (types.length === 0) throw new NotStrict()
    return { type: types.length === 1 ? types[0] : types, ...open }
  }
  const properties = objectOf(open['properties'])
  const additional = open['additionalProperties']
  // A map with free keys, or an object without named ones, would lose them.
  if (!properties || isObject(additional) || additional === true) throw new NotStrict()
  const required = new Set(requiredOf(open))
  return {
    ...open,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, child]) => [
        name,
        required.has(name) ? child : orNull(objectOf(child) ?? {}),
      ]),
    ),
    required: Object.keys(properties),
    additionalProperties: false,
  }
}

const choosesAction = (schema: Json): boolean => {
  const action = objectOf(objectOf(schema['properties'])?.['action'])
  return Array.isArray(action?.['enum']) && action['enum'].length >= 2
}

/**
 * A clean schema in OpenAI's strict form (every property required, optional ones nullable, nothing additional);
 * undefined when strict mode cannot say it, and for tools that choose among actions, whose fields depend on the choice.
 * Source: OpenAI, "Structured Outputs: supported schemas".
 */
export const strictSchema = (clean: Json): Json | undefined => {
  if (choosesAction(clean)) return undefined
  try {
    return everyNode(clean, strictNode)
  } catch (error) {
    if (error instanceof NotStrict) return undefined
    throw error
  }
}

/** Arguments without the nulls that strict mode makes a model write for absent optional properties. */
export const withoutStrictNulls = (value: unknown, clean: unknown): unknown => {
  const schema = objectOf(clean)
  if (!schema) return value
  if (Array.isArray(value)) return value.map((item) => withoutStrictNulls(item, schema['items']))
  const properties = objectOf(schema['properties'])
  if (!isObject(value) || !properties) return value
  const required = new Set(requiredOf(schema))
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, child]) => child !== null || required.has(name))
      .map(([name, child]) => [name, withoutStrictNulls(child, properties[name])]),
  )
}
