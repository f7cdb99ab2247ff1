/** That the document is valid OpenAPI, complete, and that its examples are what the tables take and give. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { allRoutes, errorKinds, errorStatusesOf, errorStyleOfOperation, openApiDocument } from '../src/index.ts'

type Json = Record<string, unknown>
type Spec = Exclude<Parameters<Validator['validate']>[0], string>

interface Content {
  schema: Json
  example?: unknown
  examples?: Record<string, { value: Json }>
}
interface Answer {
  description: string
  headers?: Json
  content?: Record<string, Content>
}
interface Operation {
  operationId: string
  summary: string
  description: string
  tags: string[]
  security: Json[]
  'x-role': string
  parameters: Json[]
  requestBody?: { content: Record<string, Content> }
  responses: Record<string, Json>
}
interface Document {
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Json>; responses: Record<string, Answer> }
}

const document = openApiDocument('1.2.3') as Document

const resolve = <T>(value: Json): T => {
  const ref = value['$ref']
  if (typeof ref !== 'string') return value as T
  return ref
    .slice(2)
    .split('/')
    .reduce<unknown>((inner, key) => (inner as Json)[key], document) as T
}

const routes = allRoutes.map((route) => {
  const operation = document.paths[route.path.replace('...}', '}')]![route.method.toLowerCase()]!
  return [`${route.method} ${route.path}`, route, operation] as const
})

it('is valid OpenAPI 3.1', async () => {
  const validator = new Validator()
  expect(await validator.validate(structuredClone(document) as unknown as Spec)).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
})

it('is found invalid when it is', async () => {
  const broken = structuredClone(document)
  ;(Object.values(broken.paths)[0] as Json)['get'] = { responses: 'none' }
  expect((await new Validator().validate(broken as unknown as Spec)).valid).toBe(false)
})

it('says what each tag and each shared error is about, and has no shared part that nobody uses', () => {
  expect(document.tags.filter(({ description }) => description.length < 10)).toEqual([])
  expect(Object.values(document.components.responses).filter(({ description }) => description.length < 10)).toEqual([])
  const text = JSON.stringify(document)
  const unused = Object.entries(document.components).flatMap(([kind, parts]) =>
    kind === 'securitySchemes'
      ? []
      : Object.keys(parts).filter((name) => !text.includes(`"#/components/${kind}/${name}"`)),
  )
  expect(unused).toEqual([])
})

const errorSchemas = {
  mesh: '#/components/schemas/Error',
  anthropic: '#/components/schemas/AnthropicError',
  openai: '#/components/schemas/OpenAiError',
  text: 'string',
}

describe.each(routes)('%s', (_title, { definition }, operation) => {
  it('has a summary, a description, a tag, its role and its security', () => {
    expect(operation.summary).toBe(definition.summary)
    expect(operation.description).toContain(definition.role === 'public' ? 'no credential' : `\`${definition.role}\``)
    expect(operation['x-role']).toBe(definition.role)
    const ways = [{ bearerAuth: [] }, ...(definition.keyHeader === true ? [{ keyAuth: [] }] : [])]
    expect(operation.security).toEqual(definition.role === 'public' ? [] : ways)
    expect(operation.tags).toHaveLength(1)
  })

  it('describes every parameter', () => {
    const undescribed = operation.parameters
      .map((parameter) => resolve<{ name: string; description?: string }>(parameter))
      .filter(({ description }) => (description ?? '') === '')
    expect(undescribed.map(({ name }) => name)).toEqual([])
  })

  it('has an example of its body that its schema takes', () => {
    if (definition.body === undefined) return
    const { example } = operation.requestBody!.content['application/json']!
    expect(example).toBeDefined()
    expect(definition.body.safeParse(example).error?.issues).toBeUndefined()
  })

  it('says what the events of its stream hold', () => {
    const streams = definition.produces === 'text/event-stream'
    const { content = {} } = resolve<Answer>(operation.responses['200'] ?? {})
    const { schema } = content['text/event-stream'] ?? {}
    expect(streams).toBe(definition.eventData !== undefined)
    if (!streams) return
    const event = resolve<Json>(schema!['contentSchema'] as Json)
    expect(event['type'] ?? event['anyOf']).toBeDefined()
    const frames = definition.producesExample!.split('\n').filter((line) => line.startsWith('data: {'))
    expect(frames.length).toBeGreaterThan(0)
    for (const frame of frames)
      expect(definition.eventData!.safeParse(JSON.parse(frame.slice('data: '.length))).error?.issues).toBeUndefined()
  })

  it.each(Object.keys(definition.response))('has an example of answer %s that its schema allows', (status) => {
    const { content = {}, headers } = resolve<Answer>(operation.responses[status]!)
    expect(headers).toHaveProperty('X-Request-Id')
    const schema = definition.response[Number(status)]!
    for (const [type, { example }] of Object.entries(content)) {
      expect(example).toBeDefined()
      if (type === 'application/json') expect(schema.safeParse(example).error?.issues).toBeUndefined()
    }
    if (!['101', '204', '302', '304'].includes(status)) expect(Object.keys(content).length).toBeGreaterThan(0)
  })

  it('has the shared answer of every error that may come, in the form of its style', () => {
    const statuses = Object.keys(operation.responses)
      .map(Number)
      .filter((status) => status >= 400)
    expect(statuses).toEqual(errorStatusesOf(definition))
    for (const status of statuses) {
      const reference = operation.responses[String(status)]!
      expect(Object.keys(reference)).toEqual(['$ref'])
      const { content, headers } = resolve<Answer>(reference)
      const style = errorStyleOfOperation(definition)
      const { schema, examples } = content![style === 'text' ? 'text/plain' : 'application/json']!
      expect(schema['$ref'] ?? schema['type']).toBe(errorSchemas[style])
      expect(headers).toHaveProperty('X-Request-Id')
      const codes = Object.entries(errorKinds).filter(([, kind]) => kind.status === status)
      expect(Object.keys(examples!).sort()).toEqual(codes.map(([code]) => code).sort())
      for (const [code, kind] of codes) {
        const { value } = examples![code]!
        if (style === 'text') expect(value).toMatch(/^[^{}]+\n$/)
        else {
          const inner = (style === 'mesh' ? value : value['error']) as Json
          if (style === 'anthropic') expect(inner['type']).toBe(kind.anthropic)
          else expect(inner['code']).toBe(style === 'openai' && 'openaiCode' in kind ? kind.openaiCode : kind.code)
          expect(String(inner['message'] ?? inner['error'])).not.toMatch(/\{|: $|^$/)
        }
        if (kind.retryable) expect(headers).toHaveProperty('Retry-After')
        expect(headers).toHaveProperty('X-Should-Retry')
      }
    }
  })
})
