/** The users of an agent over a real database. */
import type { Caller } from '@clawmesh/contracts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startAgents, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())

const base = '/v1/agents/hers/instances'
const filePath = (user: string, name: string) => `${base}/${encodeURIComponent(user)}/files/${name}`
const list = async (caller: Caller): Promise<Body[]> =>
  (await agents.request<Body>(caller, 'GET', base)).body['instances'] as Body[]
const read = (caller: Caller, user = 'bob', name = 'USER.md') =>
  agents.request<Body>(caller, 'GET', filePath(user, name))
const write = (caller: Caller, content: string, user = 'bob', name = 'USER.md') =>
  agents.request<Body>(caller, 'PUT', filePath(user, name), { content })
const note = (caller: Caller, metadata: unknown, user = 'bob') =>
  agents.request<Body>(caller, 'PATCH', `${base}/${user}/metadata`, { metadata })

/** A tenant in which alice has an agent called `hers`. */
const newOwner = async () => {
  const alice = testCaller({ role: 'admin', userId: 'alice' })
  const { status } = await agents.request(alice, 'POST', '/v1/agents', { agent_key: 'hers', is_default: true })
  expect(status).toBe(201)
  return alice
}
const talks = async (caller: Caller, userId: string) => {
  const body = { model: 'goclaw:hers', messages: [{ role: 'user', content: 'hi' }] }
  const { status } = await agents.request({ ...caller, role: 'operator', userId }, 'POST', '/v1/chat/completions', body)
  expect(status).toBe(200)
  await eventually(`that ${userId} is known`, async () => (await list(caller)).some((one) => one['user_id'] === userId))
}

rule('listAgentInstances.listsWhoTalked', async () => {
  const alice = await newOwner()
  expect(await list(alice)).toEqual([])
  await talks(alice, 'bob')
  await talks(alice, 'group:zalo:7')
  await talks(alice, 'bob')
  await write(alice, 'Call me Bob.')
  const whole = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
  expect(await list(alice)).toMatchObject([
    { user_id: 'group:zalo:7', metadata: {} },
    {
      user_id: 'bob',
      file_count: 1,
      first_seen_at: expect.stringMatching(whole),
      last_seen_at: expect.stringMatching(whole),
    },
  ])
})

rule('listAgentInstances.isSeenLately', async () => {
  const alice = await newOwner()
  await talks(alice, 'bob')
  const { pool } = agents.mesh.database('agents')
  await pool.query(`UPDATE agents.instances SET last_seen_at = now() - interval '1 hour' WHERE tenant_id = $1`, [
    alice.tenantId,
  ])
  const [before] = await list(alice)
  // Within the minute nothing is written.
  await talks(alice, 'bob')
  expect((await list(alice))[0]).toEqual(before)
})

rule('listInstanceFiles.listsAll', async () => {
  const alice = await newOwner()
  await write(alice, 'Call me Bob.')
  const files = (user: string) => agents.request<Body>(alice, 'GET', `${base}/${user}/files`)
  expect((await files('bob')).body['files']).toMatchObject([
    { user_id: 'bob', file_name: 'USER.md', content: 'Call me Bob.' },
  ])
  expect(await files('nobody')).toMatchObject({ status: 200, body: { files: [] } })
})

rule('getInstanceFile.answersMissing404', async () => {
  const alice = await newOwner()
  expect((await read(alice)).status).toBe(404)
  await write(alice, 'x')
  expect(await read(alice)).toMatchObject({ status: 200, body: { content: 'x', agent_id: expect.any(String) } })
  expect((await read(alice, 'bob', 'SOUL.md')).status).toBe(404)
})

rule('setInstanceFile.writesUserFilesOnly', async () => {
  const alice = await newOwner()
  for (const name of ['SOUL.md', 'user.md', '..%2FUSER.md'])
    expect((await write(alice, 'x', 'bob', name)).status).toBe(400)
  expect(await write(alice, 'x')).toMatchObject({ status: 200, body: { status: 'updated' } })
})

rule('setInstanceFile.makesTheUserKnown', async () => {
  const alice = await newOwner()
  await write(alice, 'x', 'a/b:c')
  expect(await list(alice)).toMatchObject([{ user_id: 'a/b:c', file_count: 1 }])
})

rule('setInstanceFile.actsAtOnce', async () => {
  const alice = await newOwner()
  await talks(alice, 'bob')
  await write(alice, 'Call me Bobby.')
  await talks(alice, 'bob')
  const prompt = () => agents.asked.at(-1)!.messages[0]!.content
  expect(prompt()).toContain('Call me Bobby.')
  await write(alice, '')
  await talks(alice, 'bob')
  expect(prompt()).not.toContain('Call me Bobby.')
})

rule('updateInstanceMetadata.mergesTexts', async () => {
  const alice = await newOwner()
  await write(alice, 'x')
  expect(await note(alice, { display_name: 'Bob', a: '1' })).toMatchObject({ status: 200, body: { status: 'updated' } })
  await note(alice, { a: '2' })
  expect(await list(alice)).toMatchObject([{ metadata: { display_name: 'Bob', a: '2' } }])
  for (const wrong of [{ a: 1 }, { a: null }, ['a'], 'a']) expect((await note(alice, wrong)).status).toBe(400)
})

rule('updateInstanceMetadata.requiresMetadata', async () => {
  const alice = await newOwner()
  await write(alice, 'x')
  for (const nothing of [undefined, {}]) expect((await note(alice, nothing)).status).toBe(400)
  for (let n = 0; n < 6; n++) expect((await note(alice, { [`k${n}`]: 'x'.repeat(10_000) })).status).toBe(200)
  expect(await note(alice, { k6: 'x'.repeat(10_000) })).toMatchObject({ status: 400 })
  expect(Object.keys((await list(alice))[0]!['metadata'] as object)).toHaveLength(6)
})

rule('updateInstanceMetadata.ignoresStrangers', async () => {
  const alice = await newOwner()
  expect((await note(alice, { a: '1' }, 'nobody')).status).toBe(200)
  expect(await list(alice)).toEqual([])
})

rule('setInstanceFile.isAudited', async () => {
  const alice = await newOwner()
  await write(alice, 'x')
  expect(await agents.auditOf(alice.tenantId, 'agentInstanceFileSet')).toMatchObject({
    action: 'agent_instance.file_set',
    data: { userId: 'bob', file: 'USER.md' },
  })
})

rule('updateInstanceMetadata.isAudited', async () => {
  const alice = await newOwner()
  await write(alice, 'x')
  await note(alice, { a: '1' })
  expect(await agents.auditOf(alice.tenantId, 'agentInstanceMetadataUpdated')).toMatchObject({
    action: 'agent_instance.metadata_updated',
    data: { userId: 'bob' },
  })
})

const expectOwnersOnly = async (ask: (caller: Caller) => Promise<{ status: number }>) => {
  const alice = await newOwner()
  await write(alice, 'x')
  for (const passes of [{}, { role: 'owner', userId: 'carol' }, { userId: '' }] as const)
    expect((await ask({ ...alice, ...passes })).status).toBe(200)
  expect((await ask({ ...alice, userId: 'carol' })).status).toBe(403)
  expect((await ask({ ...alice, tenantId: (await newOwner()).tenantId, userId: 'carol' })).status).toBe(403)
}
rule('listAgentInstances.requiresOwnership', () => expectOwnersOnly((caller) => agents.request(caller, 'GET', base)))
rule('listInstanceFiles.requiresOwnership', () =>
  expectOwnersOnly((caller) => agents.request(caller, 'GET', `${base}/bob/files`)),
)
rule('getInstanceFile.requiresOwnership', () => expectOwnersOnly((caller) => read(caller)))
rule('setInstanceFile.requiresOwnership', () => expectOwnersOnly((caller) => write(caller, 'y')))
rule('updateInstanceMetadata.requiresOwnership', () => expectOwnersOnly((caller) => note(caller, { a: '1' })))
