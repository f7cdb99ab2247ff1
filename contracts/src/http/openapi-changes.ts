/** What a newer OpenAPI document takes away from those who were built against an older one. */
import { roles } from '../caller.ts'
import {
  createSchemaComparison,
  isObject,
  listIn,
  missing,
  objectIn,
  type Direction,
  type Json,
} from '../schema-changes.ts'

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

  const { follow, schemaChanges } = createSchemaComparison(before, after)

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
