/** The AsyncAPI document of events, and what counts as breaking those who consume them. */
import { readdirSync, readFileSync } from 'node:fs'
import { breakingEventChanges, events, eventsAsyncApiDocument } from '../src/index.ts'

/** A document is changed by path; what is typed loosely is what the tests break. */
type Loose = any

const original = eventsAsyncApiDocument('1.0.0') as Loose
const released = new URL('../released/events/', import.meta.url)

const changesAfter = (edit: (document: Loose) => void): string[] => {
  const edited = structuredClone(original)
  edit(edited)
  expect(edited).not.toEqual(original)
  return breakingEventChanges(original, edited)
}
const dataOf = (document: Loose, name: string) => document.components.messages[name].payload.allOf[1].properties.data

it('nothing breaks consumers of the last release', () => {
  const name = readdirSync(released)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .at(-1)!
  const kept = JSON.parse(readFileSync(new URL(name, released), 'utf8')) as object
  expect(Object.keys((kept as Loose).channels).length).toBeGreaterThan(40)
  expect(breakingEventChanges(kept, original)).toEqual([])
})

it('every event has its channel, whose messages are CloudEvents with its type and data', () => {
  expect(Object.keys(original.channels)).toEqual(Object.keys(events))
  expect(original.channels.runEnded).toMatchObject({
    address: 'mesh.events.{tenantId}.agents.run.ended',
    messages: { runEnded: { $ref: '#/components/messages/runEnded' } },
  })
  const { payload, ...message } = original.components.messages.runEnded
  expect(message).toMatchObject({ name: 'clawmesh.agents.run.ended', contentType: 'application/cloudevents+json' })
  expect(payload.allOf[0]).toEqual({ $ref: '#/components/schemas/CloudEvent' })
  expect(payload.allOf[1]).toMatchObject({
    properties: { type: { const: 'clawmesh.agents.run.ended' }, data: { required: expect.arrayContaining(['runId']) } },
  })
  const refs = [...JSON.stringify(original).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, ref]) => ref!)
  for (const ref of refs) expect(original.components.schemas).toHaveProperty([ref])
})

it.each<[string, (document: Loose) => void, string]>([
  ['an event that is gone', (document) => delete document.channels.agentDeleted, 'agentDeleted is gone'],
  [
    'another subject',
    (document) => (document.channels.agentDeleted.address = 'mesh.events.{tenantId}.agents.agent.removed'),
    'agentDeleted has another subject, mesh.events.{tenantId}.agents.agent.removed',
  ],
  [
    'a member that is gone',
    (document) => delete dataOf(document, 'agentShared').properties.role,
    'agentShared.data lost role',
  ],
  [
    'a member that may be missing',
    (document) => dataOf(document, 'agentShared').required.pop(),
    'agentShared.data no longer always has role',
  ],
  [
    'a member of another type',
    (document) => (dataOf(document, 'agentShared').properties.role = { type: ['string', 'null'] }),
    'agentShared.data.role may now be null',
  ],
])('%s breaks consumers', (_what, edit, change) => {
  expect(changesAfter(edit)).toContain(change)
})

it.each<[string, (document: Loose) => void]>([
  ['a new event', (document) => (document.channels.newEvent = document.channels.agentDeleted)],
  ['a new member', (document) => (dataOf(document, 'agentShared').properties.more = { type: 'string' })],
  ['a new listed value', (document) => dataOf(document, 'runEnded').properties.status.enum.push('paused')],
])('%s breaks nobody', (_what, edit) => {
  expect(changesAfter(edit)).toEqual([])
})
