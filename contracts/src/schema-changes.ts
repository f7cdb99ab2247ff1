/** What a newer JSON Schema takes away from those who were built against an older one. */

export type Json = Record<string, unknown>
/** Requests may only be taken more widely than before, answers may only promise more. */
export type Direction = 'request' | 'answer'

interface SchemaPair {
  before: Json
  after: Json
  direction: Direction
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const objectIn = (value: unknown, key: string): Json => {
  const inner = isObject(value) ? value[key] : undefined
  return isObject(inner) ? inner : {}
}
export const listIn = (value: Json, key: string): unknown[] => (Array.isArray(value[key]) ? value[key] : [])
export const missing = (from: Iterable<string>, within: Iterable<string>): string[] => {
  const known = new Set(within)
  return [...from].filter((one) => !known.has(one))
}

const everyType = ['string', 'number', 'boolean', 'object', 'array', 'null']
const typeOfValue = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value

/** The values that a schema lists, as JSON texts; undefined when it lists none. */
const valuesOf = (schema: Json): string[] | undefined => {
  if ('const' in schema) return [JSON.stringify(schema['const'])]
  return 'enum' in schema ? listIn(schema, 'enum').map((value) => JSON.stringify(value)) : undefined
}

const typesOf = (schema: Json): string[] => {
  if (schema['type'] !== undefined) return [schema['type']].flat().map(String)
  const values = valuesOf(schema)
  return values === undefined ? everyType : [...new Set(values.map((value) => typeOfValue(JSON.parse(value))))]
}
/** An integer is a number too. */
const typesNotIn = (from: Json, within: Json): string[] => {
  const known = typesOf(within)
  return typesOf(from).filter((type) => !known.includes(type) && !(type === 'integer' && known.includes('number')))
}

/** Bounds of a request that must not become tighter, with whether a higher value is. */
const bounds: Readonly<Record<string, 1 | -1>> = {
  minimum: 1,
  exclusiveMinimum: 1,
  minLength: 1,
  minItems: 1,
  minProperties: 1,
  maximum: -1,
  exclusiveMaximum: -1,
  maxLength: -1,
  maxItems: -1,
  maxProperties: -1,
}

/** What may be wrong with one schema by itself; each rule gives the changes that break somebody. */
const schemaRules: readonly ((pair: SchemaPair) => string[])[] = [
  function types({ before, after, direction }) {
    const lost = direction === 'request' ? typesNotIn(before, after) : typesNotIn(after, before)
    if (lost.length === 0) return []
    return [direction === 'request' ? `no longer takes ${lost.join(', ')}` : `may now be ${lost.join(', ')}`]
  },
  function listedValues({ before, after, direction }) {
    const [old, now] = [valuesOf(before), valuesOf(after)]
    if (old === undefined) return now === undefined || direction === 'answer' ? [] : ['takes listed values only']
    if (now === undefined) return direction === 'request' ? [] : ['may now be any value']
    return missing(old, now).map((value) => `lost the value ${value}`)
  },
  function requiredMembers({ before, after, direction }) {
    const [old, now] = [listIn(before, 'required').map(String), listIn(after, 'required').map(String)]
    return direction === 'request'
      ? missing(now, old).map((name) => `requires ${name}`)
      : missing(old, now)
          .filter((name) => name in objectIn(after, 'properties'))
          .map((name) => `no longer always has ${name}`)
  },
  function lostMembers({ before, after }) {
    return missing(Object.keys(objectIn(before, 'properties')), Object.keys(objectIn(after, 'properties'))).map(
      (name) => `lost ${name}`,
    )
  },
  function closed({ before, after, direction }) {
    const closes = after['additionalProperties'] === false && before['additionalProperties'] !== false
    return closes && direction === 'request' ? ['no longer takes other members'] : []
  },
  function tighterBounds({ before, after, direction }) {
    if (direction === 'answer') return []
    return Object.entries(bounds).flatMap(([name, sign]) => {
      const [old, now] = [before[name], after[name]]
      if (typeof now !== 'number') return []
      return typeof old !== 'number' || (now - old) * sign > 0 ? [`has ${name} ${now}`] : []
    })
  },
  function form({ before, after, direction }) {
    return ['pattern', 'format'].flatMap((name) => {
      const [old, now] = [before[name], after[name]]
      if (old === now) return []
      if (direction === 'request') return typeof now === 'string' ? [`has ${name} ${now}`] : []
      return name === 'format' && typeof old === 'string' ? [`lost ${name} ${old}`] : []
    })
  },
]

/**
 * Compares schemas of two documents, whose references are followed within each.
 * @returns `schemaChanges`, which lists what breaks somebody, one line each that begins with `where`
 */
export const createSchemaComparison = (before: object, after: object) => {
  const follow = (document: object, value: unknown): Json => {
    const ref = isObject(value) ? value['$ref'] : undefined
    if (typeof ref !== 'string') return isObject(value) ? value : {}
    const parts = ref.replace('#/', '').split('/')
    return follow(
      document,
      parts.reduce<unknown>((inner, key) => objectIn(inner, key), document),
    )
  }

  const formsOf = (schema: Json): unknown[] => [...listIn(schema, 'anyOf'), ...listIn(schema, 'oneOf')]

  const schemaChanges = (
    given: { before: unknown; after: unknown; direction: Direction },
    where: string,
    depth = 0,
  ): string[] => {
    // Deeper than any answer of ours; stops at schemas that contain themselves.
    if (depth > 24) return []
    const { direction } = given
    const [old, now] = [follow(before, given.before), follow(after, given.after)]
    const compare = (from: unknown, to: unknown, at: string) =>
      schemaChanges({ before: from, after: to, direction }, at, depth + 1)

    const [oldForms, newForms] = [formsOf(old), formsOf(now)]
    if (oldForms.length > 0 || newForms.length > 0) {
      const olds = oldForms.length > 0 ? oldForms : [old]
      const news = newForms.length > 0 ? newForms : [now]
      const covered = (form: unknown): boolean =>
        direction === 'request'
          ? news.some((other) => compare(form, other, where).length === 0)
          : olds.some((other) => compare(other, form, where).length === 0)
      const lost = (direction === 'request' ? olds : news).filter((form) => !covered(form))
      return lost.map(() => `${where} ${direction === 'request' ? 'lost one of its forms' : 'has a new form'}`)
    }

    const members = objectIn(now, 'properties')
    return [
      ...schemaRules
        .flatMap((rule) => rule({ before: old, after: now, direction }))
        .map((change) => `${where} ${change}`),
      ...Object.entries(objectIn(old, 'properties')).flatMap(([name, member]) =>
        name in members ? compare(member, members[name], `${where}.${name}`) : [],
      ),
      ...(isObject(old['items']) ? compare(old['items'], now['items'], `${where}[]`) : []),
      ...(isObject(old['additionalProperties']) && isObject(now['additionalProperties'])
        ? compare(old['additionalProperties'], now['additionalProperties'], `${where}.*`)
        : []),
    ]
  }

  return { follow, schemaChanges }
}
