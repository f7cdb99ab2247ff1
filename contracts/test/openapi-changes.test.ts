/** What counts as breaking clients, rule by rule, on the real document. */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { breakingChanges, openApiDocument } from '../src/index.ts'

/** A document is changed by path; what is typed loosely is what the tests break. */
type Loose = any

const original = openApiDocument('1.0.0') as Loose
const released = new URL('../released/openapi/', import.meta.url)

/** The changes found when the document is edited. */
const changesAfter = (edit: (document: Loose) => void): string[] => {
  const edited = structuredClone(original)
  edit(edited)
  expect(edited).not.toEqual(original)
  return breakingChanges(original, edited)
}

it('nothing breaks clients of the last release', () => {
  const name = readdirSync(released)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .at(-1)!
  const kept = JSON.parse(readFileSync(new URL(name, released), 'utf8')) as object
  expect(Object.keys((kept as Loose).paths).length).toBeGreaterThan(40)
  expect(breakingChanges(kept, original)).toEqual([])
})

it('finds nothing between a document and itself', () => {
  expect(breakingChanges(original, structuredClone(original))).toEqual([])
})

const createAgent = (document: Loose) => document.paths['/v1/agents'].post
const createAgentBody = (document: Loose) => document.components.schemas.CreateAgentRequest
const agent = (document: Loose) => document.components.schemas.Agent
const listTraces = (document: Loose) => document.paths['/v1/traces'].get
const queryParameter = (document: Loose, name: string) =>
  listTraces(document).parameters.find((one: Loose) => one.name === name)

const breaking: [string, (document: Loose) => void, string][] = [
  ['a path is gone', (d) => delete d.paths['/v1/traces'], 'GET /v1/traces is gone'],
  ['a method is gone', (d) => delete d.paths['/v1/agents'].post, 'POST /v1/agents is gone'],
  ['an alias is gone', (d) => delete d.paths['/v1/channel-instances'], 'GET /v1/channel-instances is gone'],
  [
    'an operation has another name',
    (d) => (createAgent(d).operationId = 'makeAgent'),
    'is called makeAgent instead of createAgent',
  ],
  ['a role is raised', (d) => (listTraces(d)['x-role'] = 'admin'), 'GET /v1/traces needs role admin'],
  ['a public operation needs a role', (d) => (d.paths['/health'].get['x-role'] = 'viewer'), 'needs role viewer'],
  [
    'a scope no longer opens an operation',
    (d) => delete d.paths['/v1/api-keys'].post['x-or-scope'],
    'is no longer open to scope operator.provision',
  ],
  ['an operation is for owners only', (d) => (createAgent(d)['x-owner-only'] = true), 'is for the owner only'],
  [
    'a parameter is gone',
    (d) => (listTraces(d).parameters = listTraces(d).parameters.filter((one: Loose) => one.name !== 'status')),
    'GET /v1/traces lost query parameter status',
  ],
  [
    'a parameter is required',
    (d) => (queryParameter(d, 'status').required = true),
    'GET /v1/traces requires query parameter status',
  ],
  [
    'a new parameter is required',
    (d) => listTraces(d).parameters.push({ name: 'x', in: 'header', required: true, schema: {} }),
    'GET /v1/traces requires header parameter x',
  ],
  [
    'a parameter takes fewer values',
    (d) => queryParameter(d, 'status').schema.enum.pop(),
    'query parameter status lost the value "cancelled"',
  ],
  [
    'a body is required',
    (d) => (d.paths['/v1/api-keys/{id}/rotate'].post.requestBody.required = true),
    'requires a body',
  ],
  [
    'a field of a body is required',
    (d) => (createAgentBody(d).required = ['agent_key']),
    'POST /v1/agents body requires agent_key',
  ],
  ['a field of a body is gone', (d) => delete createAgentBody(d).properties.model, 'POST /v1/agents body lost model'],
  [
    'a field of a body has a narrower type',
    (d) => (createAgentBody(d).properties.model.type = 'integer'),
    'POST /v1/agents body.model no longer takes string',
  ],
  [
    'a field of a body is no longer nullable',
    (d) => (createAgentBody(d).properties.frontmatter = { type: 'string' }),
    'POST /v1/agents body.frontmatter no longer takes null',
  ],
  [
    'a field of a body is shorter',
    (d) => (createAgentBody(d).properties.model.maxLength = 10),
    'POST /v1/agents body.model has maxLength 10',
  ],
  [
    'a field of a body has a new bound',
    (d) => (createAgentBody(d).properties.model.minLength = 2),
    'POST /v1/agents body.model has minLength 2',
  ],
  [
    'a field of a body has a pattern',
    (d) => (createAgentBody(d).properties.model.pattern = '^gpt'),
    'POST /v1/agents body.model has pattern ^gpt',
  ],
  [
    'a field of a body takes listed values only',
    (d) => (createAgentBody(d).properties.model.enum = ['a']),
    'POST /v1/agents body.model takes listed values only',
  ],
  [
    'a body takes no other members',
    (d) => (d.components.schemas.CreateChatCompletionRequest.additionalProperties = false),
    'POST /v1/chat/completions body no longer takes other members',
  ],
  [
    'a body has another content type',
    (d) => (createAgent(d).requestBody.content = { 'text/plain': { schema: {} } }),
    'POST /v1/agents body lost content type application/json',
  ],
  ['an answer is gone', (d) => delete createAgent(d).responses['201'], 'POST /v1/agents lost answer 201'],
  [
    'an answer has no stream any more',
    (d) => delete d.paths['/v1/chat/completions'].post.responses['200'].content['text/event-stream'],
    'POST /v1/chat/completions answer 200 lost content type text/event-stream',
  ],
  [
    'a member of an answer is gone',
    (d) => delete agent(d).properties.owner_id,
    'GET /v1/agents answer 200.agents[] lost owner_id',
  ],
  [
    'a member of an answer is no longer sure',
    (d) => (agent(d).required = agent(d).required.filter((name: string) => name !== 'owner_id')),
    'GET /v1/agents/{id} answer 200 no longer always has owner_id',
  ],
  [
    'a member of an answer has another type',
    (d) => (agent(d).properties.owner_id.type = ['string', 'null']),
    'GET /v1/agents/{id} answer 200.owner_id may now be null',
  ],
  [
    'a member of an answer loses its form',
    (d) => delete agent(d).properties.id.format,
    'GET /v1/agents/{id} answer 200.id lost format uuid',
  ],
  [
    'a value of an answer is gone',
    (d) => agent(d).properties.status.enum.pop(),
    'GET /v1/agents/{id} answer 200.status lost the value "summon_failed"',
  ],
  [
    'a listed value of an answer may be any',
    (d) => delete agent(d).properties.status.enum,
    'GET /v1/agents/{id} answer 200.status may now be any value',
  ],
  [
    'an answer has a new form',
    (d) => d.components.schemas.InvokeToolResponse.anyOf.push({ type: 'string' }),
    'POST /v1/tools/invoke answer 200 has a new form',
  ],
  [
    'an error has another shape',
    (d) => delete d.components.schemas.Error.properties.code,
    'GET /v1/agents answer 404 lost code',
  ],
]

it.each(breaking)('it breaks clients when %s', (_what, edit, expected) => {
  expect(changesAfter(edit)).toContainEqual(expect.stringContaining(expected))
})

const harmless: [string, (document: Loose) => void][] = [
  ['a new path', (d) => (d.paths['/v1/new'] = d.paths['/health'])],
  ['a lower role', (d) => (createAgent(d)['x-role'] = 'viewer')],
  ['a new optional parameter', (d) => listTraces(d).parameters.push({ name: 'x', in: 'query', schema: {} })],
  ['a new optional field of a body', (d) => (createAgentBody(d).properties.new = { type: 'string' })],
  ['a longer field of a body', (d) => (createAgentBody(d).properties.model.maxLength = 1000)],
  ['a field of a body without its bound', (d) => delete createAgentBody(d).properties.model.maxLength],
  ['a wider field of a body', (d) => (createAgentBody(d).properties.model.type = ['string', 'null'])],
  ['a new value of a request', (d) => createAgentBody(d).properties.status.enum.push('new')],
  ['a new member of an answer', (d) => (agent(d).properties.new = { type: 'string' })],
  ['a new value of an answer', (d) => agent(d).properties.status.enum.push('new')],
  ['a member of an answer that is now sure', (d) => agent(d).required.push('display_name')],
  ['a new error', (d) => (createAgent(d).responses['418'] = { description: 'I am a teapot' })],
  ['an error that is gone', (d) => delete createAgent(d).responses['409']],
  ['other words', (d) => (createAgent(d).summary = 'Make an agent')],
]

it.each(harmless)('%s breaks nothing', (_what, edit) => {
  expect(changesAfter(edit)).toEqual([])
})

it('never throws, whatever it compares', () => {
  fc.assert(
    fc.property(fc.object({ maxDepth: 4 }), fc.object({ maxDepth: 4 }), (before, after) => {
      breakingChanges({ paths: before }, { paths: after })
    }),
  )
})
