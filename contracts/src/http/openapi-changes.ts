/** What a newer OpenAPI document takes away from those who were built against an older one. */
import { roles } from '../caller.ts'

type Json = Record<string, unknown>
/** Requests may only be taken more widely than before, answers may only promise more. */
type Direction = 'request' | 'answer'

interface SchemaPair {
  before: Json
  after: Json
  direction: Direction
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const objectIn = (value: unknown, key: string): Json => {
  const inner = isObject(value) ? value[key] : undefined
  return isObject(inner) ? inner : {}
}
const listIn = (value: Json, key: string): unknown[] => (Array.isArray(value[key]) ? value[key] : [])
const missing = (from: Iterable<string>, within: Iterable<string>): string[] => {
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

const rankOf = (operation: Json): number => roles.indexOf(operation['x-role'] as (typeof roles)[number])

/** What may be wrong with an operation apart from its schemas. */
const operationRules: readonly ((before: Json, after: Json) => string[])[] = [
  function name(before, after) {
    const [old, now] = [String(before['operationId']), String(after['operationId'])]
    return old === now ? [] : [`is called ${now} instead of ${old}`]
  },
  function role(before, after) {
    return rankOf(after) > rankOf(before) ? [`needs role ${String(after['x-role'])}`] : []
  },
  function scope(before, after) {
    const old = before['x-or-scope']
    return typeof old === 'string' && after['x-or-scope'] !== old ? [`is no longer open to scope ${old}`] : []
  },
  function ownership(before, after) {
    return after['x-owner-only'] === true && before['x-owner-only'] !== true ? ['is for the owner only'] : []
  },
]

/**
 * Compares two documents and lists what breaks clients of the first, one line each; empty when nothing does. New
 * operations, new optional parameters and members, wider requests, new members and new listed values of answers, and
 * other error statuses are no breaks.
 */
export const breakingChanges = (before: object, after: object): string[] => {
  const found: string[] = []
  const report = (where: string, changes: readonly string[]): void =>
    void found.push(...changes.map((change) => `${where} ${change}`))

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

  const contents = (oldPart: Json, newPart: Json, direction: Direction, where: string): void => {
    const [old, now] = [objectIn(oldPart, 'content'), objectIn(newPart, 'content')]
    for (const type of Object.keys(old))
      if (!(type in now)) report(where, [`lost content type ${type}`])
      else {
        const pair = { before: objectIn(old[type], 'schema'), after: objectIn(now[type], 'schema'), direction }
        found.push(...schemaChanges(pair, where))
      }
  }

  const parameters = (old: Json, now: Json, where: string): void => {
    const byName = (document: object, operation: Json): Map<string, Json> =>
      new Map(
        listIn(operation, 'parameters').map((one) => {
          const parameter = follow(document, one)
          return [`${String(parameter['in'])} parameter ${String(parameter['name'])}`, parameter]
        }),
      )
    const [olds, news] = [byName(before, old), byName(after, now)]
    report(
      where,
      missing(olds.keys(), news.keys()).map((name) => `lost ${name}`),
    )
    for (const [name, parameter] of news) {
      const known = olds.get(name)
      if (parameter['required'] === true && known?.['required'] !== true) report(where, [`requires ${name}`])
      if (known !== undefined)
        found.push(
          ...schemaChanges(
            { before: known['schema'], after: parameter['schema'], direction: 'request' },
            `${where} ${name}`,
          ),
        )
    }
  }

  const operation = (old: Json, now: Json, where: string): void => {
    for (const rule of operationRules) report(where, rule(old, now))
    parameters(old, now, where)
    const [oldBody, newBody] = [objectIn(old, 'requestBody'), objectIn(now, 'requestBody')]
    if (newBody['required'] === true && oldBody['required'] !== true) report(where, ['requires a body'])
    contents(oldBody, newBody, 'request', `${where} body`)
    const answers = objectIn(now, 'responses')
    for (const [status, answer] of Object.entries(objectIn(old, 'responses'))) {
      const isError = Number(status) >= 400
      if (status in answers)
        contents(follow(before, answer), follow(after, answers[status]), 'answer', `${where} answer ${status}`)
      else if (!isError) report(where, [`lost answer ${status}`])
    }
  }

  const paths = objectIn(after, 'paths')
  for (const [path, item] of Object.entries(objectIn(before, 'paths')))
    for (const [method, old] of Object.entries(isObject(item) ? item : {})) {
      const where = `${method.toUpperCase()} ${path}`
      const now = objectIn(paths[path], method)
      if (Object.keys(now).length === 0) report(where, ['is gone'])
      else operation(isObject(old) ? old : {}, now, where)
    }
  return [...new Set(found)]
}
