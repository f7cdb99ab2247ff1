/** The OpenAPI document that the mesh prints and serves, as a whole (OpenAPI 3.1.0, JSON Schema 2020-12). */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { allRoutes, errorKinds, openApiDocument, roleIncludes, type Role, type Route } from '@clawmesh/contracts'
import { paramsOf, titled } from './routes.ts'

type Json = Record<string, unknown>

interface Parameter {
  name: string
  in: string
  required: boolean
  schema: Json
}

interface Operation {
  operationId: string
  summary: string
  parameters: (Parameter | { $ref: string })[]
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> }
}

interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Json>; securitySchemes: Json }
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const document = openApiDocument('1.2.3') as Document
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
)
const operationOf = ({ method, path }: Route): Operation | undefined =>
  document.paths[path.replace('...}', '}')]?.[method.toLowerCase()]

/** Every object in the document with its JSON pointer. */
function* walk(value: unknown, pointer = '#'): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield [pointer, value as Json]
  for (const [key, inner] of Object.entries(value))
    yield* walk(inner, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
}

const at = (pointer: string): unknown =>
  pointer
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((value, key) => (value as Json | undefined)?.[key], document)

describe('the document', () => {
  it('says what it is', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Clawmesh', version: '1.2.3' } })
    expect(
      Object.keys(document).filter(
        (key) => !['openapi', 'info', 'servers', 'security', 'tags', 'paths', 'components'].includes(key),
      ),
    ).toEqual([])
  })

  it('has every declared route exactly once, and nothing else', () => {
    const declared = allRoutes.map(({ method, path }) => `${method} ${path.replace('...}', '}')}`)
    expect(new Set(declared).size).toBe(declared.length)
    expect(operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`).sort()).toEqual(declared.sort())
  })

  it('has no two paths that match the same requests', () => {
    const shapes = Object.keys(document.paths).map((path) => path.replace(/\{\w+\}/g, '{}'))
    expect(shapes.filter((shape, index) => shapes.indexOf(shape) !== index)).toEqual([])
  })

  it('gives every operation an id of its own that can be a function name', () => {
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(ids.filter((id) => !/^[a-z][A-Za-z0-9]*$/.test(id))).toEqual([])
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  })

  it('refers to nothing that is not there, and is plain JSON', () => {
    const refs = [...walk(document)].flatMap(([, value]) => (typeof value['$ref'] === 'string' ? [value['$ref']] : []))
    expect(refs.length).toBeGreaterThan(0)
    expect(refs.filter((ref) => !ref.startsWith('#/') || at(ref) === undefined)).toEqual([])
    expect(JSON.parse(JSON.stringify(document))).toEqual(document)
  })

  it('keeps its texts for people free of what is meant for machines', () => {
    expect(
      operations.filter(({ operation }) => operation.summary.trim() === '' || operation.summary.length > 120),
    ).toEqual([])
  })

  it('is what the command line prints, to stdout and without starting anything', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['cli/src/main.ts', 'openapi'], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] },
      maxBuffer: 64 * 1024 * 1024,
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string }
    expect(JSON.parse(stdout)).toEqual(openApiDocument(version))
  })
})

describe.each(titled(allRoutes))('%s', (_title, route) => {
  const operation = operationOf(route)!

  it('declares each parameter once, those of its path as required', () => {
    const parameters = operation.parameters.map((one) => ('$ref' in one ? (at(one.$ref) as Parameter) : one))
    const named = parameters.map(({ name, in: place }) => `${place} ${name.toLowerCase()}`)
    expect(new Set(named).size).toBe(named.length)
    const inPath = parameters.filter(({ in: place }) => place === 'path')
    expect(inPath.map(({ name }) => name)).toEqual(paramsOf(route).map(({ name }) => name))
    expect(inPath.every(({ required }) => required === true)).toBe(true)
    expect(parameters.every(({ schema }) => typeof schema === 'object')).toBe(true)
    expect(
      Object.keys(route.definition.params?.shape ?? {}).filter(
        (name) => !route.definition.aliases && !inPath.some((param) => param.name === name),
      ),
    ).toEqual([])
  })

  it('takes a body only where HTTP gives one a meaning', () => {
    if (['GET', 'DELETE'].includes(route.method)) expect(operation.requestBody).toBeUndefined()
  })

  it('answers with declared successes and known errors', () => {
    const { response, errors } = route.definition
    expect(Object.keys(response).every((status) => /^(101|[23]\d\d)$/.test(status))).toBe(true)
    const known = new Set<number>(Object.values(errorKinds).map(({ status }) => status))
    expect(errors.filter((status) => !known.has(status))).toEqual([])
  })
})

describe('every schema', () => {
  const types = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']
  const schemas = [...walk(document)]
    .filter(([pointer]) => pointer.endsWith('/schema') || /^#\/components\/schemas\/\w+$/.test(pointer))
    .flatMap(([pointer, schema]) => [...walkSchema(schema, pointer)])

  function* walkSchema(schema: Json, pointer: string): Generator<[string, Json]> {
    yield [pointer, schema]
    for (const key of ['properties', '$defs', 'patternProperties'])
      for (const [name, inner] of Object.entries((schema[key] ?? {}) as Record<string, Json>))
        yield* walkSchema(inner, `${pointer}/${key}/${name}`)
    for (const key of ['items', 'additionalProperties', 'propertyNames', 'not', 'contains'])
      if (typeof schema[key] === 'object') yield* walkSchema(schema[key] as Json, `${pointer}/${key}`)
    for (const key of ['anyOf', 'oneOf', 'allOf', 'prefixItems'])
      for (const [index, inner] of ((schema[key] ?? []) as Json[]).entries())
        yield* walkSchema(inner, `${pointer}/${key}/${index}`)
  }
  const wrong = (isWrong: (schema: Json) => boolean): string[] =>
    schemas.filter(([, schema]) => isWrong(schema)).map(([pointer, schema]) => `${pointer}: ${JSON.stringify(schema)}`)

  it('has types of JSON Schema', () => {
    expect(schemas.length).toBeGreaterThan(500)
    expect(
      wrong(({ type }) => type !== undefined && ![type].flat().every((one) => types.includes(one as string))),
    ).toEqual([])
  })

  it('requires members that it has, each once', () => {
    expect(
      wrong(({ required = [], properties = {} }) => {
        const names = required as string[]
        return new Set(names).size !== names.length || names.some((name) => !Object.hasOwn(properties as Json, name))
      }),
    ).toEqual([])
  })

  it('has patterns that compile, lists of values that are not empty, and bounds that leave room', () => {
    const above = (low: unknown, high: unknown) => typeof low === 'number' && typeof high === 'number' && low > high
    expect(
      wrong((schema) => {
        if (typeof schema['pattern'] === 'string' && !compiles(schema['pattern'])) return true
        if (schema['enum'] !== undefined && !(Array.isArray(schema['enum']) && schema['enum'].length > 0)) return true
        return (
          above(schema['minimum'], schema['maximum']) ||
          above(schema['minLength'], schema['maxLength']) ||
          above(schema['minItems'], schema['maxItems'])
        )
      }),
    ).toEqual([])
  })

  it('uses nothing that only older versions of OpenAPI knew', () => {
    expect(
      wrong(
        (schema) => 'nullable' in schema || 'definitions' in schema || typeof schema['exclusiveMinimum'] === 'boolean',
      ),
    ).toEqual([])
  })

  const compiles = (pattern: string): boolean => {
    try {
      new RegExp(pattern, 'u')
      return true
    } catch {
      return false
    }
  }
})

/** All operations that the contract names, built or not: what is declared is held against it. */
const checklist = fileURLToPath(new URL('./endpoints.tsv', import.meta.url))

describe('the checklist of the wire contract', () => {
  const shape = (path: string): string => path.replace(/\{[^}]*\}/g, '{}')
  const rows = new Map<string, { service: string; operationId: string; role: string }>(
    readFileSync(checklist, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [method, path, service, operationId, role] = line.split('\t')
        return [`${method} ${shape(path!)}`, { service: service!, operationId: operationId!, role: role! }]
      }),
  )
  const listed = allRoutes.flatMap((route) => {
    const row = rows.get(`${route.method} ${shape(route.path)}`)
    return row === undefined ? [] : [[`${route.method} ${route.path}`, route, row] as const]
  })

  it('knows most of what is declared', () => {
    expect(listed.length).toBeGreaterThan(50)
  })

  it.each(listed)(
    '%s has its name, its service and at least its role',
    (_title, { operationId, service, definition }, row) => {
      expect({ operationId, service }).toEqual({ operationId: row.operationId, service: row.service })
      const { role, ownerOnly } = definition
      // An operation of a resource's owner is declared by the role that it takes and checked by its domain.
      if (row.role === 'owner') expect(role === 'owner' || ownerOnly === true).toBe(true)
      else if (row.role === 'public' || role === 'public') expect(role).toBe(row.role)
      // Tenants are for system owners, whom the checklist calls admins with a further condition.
      else expect(roleIncludes(role, row.role as Role)).toBe(true)
    },
  )
})
