/** Archives over a real database: what is exported, who gets it, and what comes of it where it is imported. */
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { packArchive } from '@clawmesh/chassis/archives'
import type { Caller } from '@clawmesh/contracts'
import { ExportsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/exports.ts'
import { entriesOf, formOf, tarGzOf, tarOf, type TarEntry } from '../../../test/support/archives.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startAgents, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>
type Answer = { status: number; headers: Headers; body: Body }

const mib = 1_048_576

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())
beforeEach(() => (agents.archives.state.memoryFails = false))

const admin = (over: Partial<Caller> = {}) => testCaller({ role: 'admin', userId: 'alice', ...over })
const get = (caller: Caller, path: string) => agents.request<Body>(caller, 'GET', path)
const send = (caller: Caller, path: string, archive: Buffer, fields: Record<string, string> = {}): Promise<Answer> => {
  const { body, headers } = formOf(archive, fields)
  return agents.request<Body>(caller, 'POST', path, body, headers)
}
const importInto = (caller: Caller, archive: Buffer, fields: Record<string, string> = {}) =>
  send(caller, '/v1/agents/import', archive, fields)
const merge = (caller: Caller, archive: Buffer, query = '', agent = 'helper') =>
  send(caller, `/v1/agents/${agent}/import${query}`, archive)
const fetched = async (caller: Caller, path: string) => {
  const answer = await agents.fetch(caller, path)
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) }
}
const exported = (caller: Caller, sections = '', agent = 'helper') =>
  fetched(caller, `/v1/agents/${agent}/export?sections=${sections}`)
const everything =
  'config,context_files,memory,knowledge_graph,sessions,cron,grants,user_profiles,user_overrides,workspace'

/** The data of a stream's events, by name, in their order. */
const eventsOf = (stream: unknown): [string, Body][] =>
  [...String(stream).matchAll(/event: (\w+)\ndata: (.*)\n/g)].map(([, name, data]) => [
    name!,
    JSON.parse(data!) as Body,
  ])

const minimal: TarEntry[] = [{ name: 'agent.json', content: '{"agent_key":"helper"}' }]
const archiveWith = (...entries: TarEntry[]) => tarGzOf([...minimal, ...entries])

/** A tenant in which alice has an agent of which there is something of everything. */
const fullAgent = async () => {
  const alice = admin()
  const { body } = await agents.request<Body>(alice, 'POST', '/v1/agents', {
    agent_key: 'helper',
    display_name: 'Helper',
    model: 'gpt-x',
    budget_monthly_cents: 500,
    tools_config: { deny: ['exec'] },
    other_config: { emoji: '🦀' },
  })
  const agentId = body['id'] as string
  const method = (name: string, params: object) =>
    agents.mesh.methods('agents').callMethod(agents.call({ ...alice, credential: 'gateway-token' }), {
      method: name,
      paramsJson: JSON.stringify(params),
    })
  await method('agents.files.set', { agentId: 'helper', name: 'SOUL.md', content: 'Be kind.' })
  await agents.request(alice, 'PUT', `/v1/agents/helper/instances/${encodeURIComponent('a/b')}/files/USER.md`, {
    content: 'Likes tea.',
  })
  await agents.request(alice, 'POST', '/v1/agents/helper/shares', { user_id: 'bob', role: 'editor' })
  await method('cron.create', {
    name: 'daily',
    agentId: 'helper',
    schedule: { kind: 'cron', expr: '0 9 * * *', tz: 'Europe/Paris' },
    message: 'Good morning',
  })
  for (const message of ['one', 'two'])
    await agents.request({ ...alice, role: 'operator' }, 'POST', '/v1/agents/helper/wake', {
      message,
      session_key: 'agent:helper:main',
    })
  // Who has talked with it is noted beside the turn.
  await eventually('both are users of it', async () => {
    const { body: listed } = await agents.request<{ instances: unknown[] }>(alice, 'GET', '/v1/agents/helper/instances')
    return listed.instances.length === 2
  })
  const kept = agents.archives.of(agentId)
  kept.documents.push(
    { userId: '', path: 'MEMORY.md', content: 'Tea is green.' },
    { userId: 'bob', path: 'notes/x.md', content: 'Bob is tall.' },
  )
  const entity = { userId: '', entityType: 'person', description: '', propertiesJson: '{"a":"b"}', confidence: 0.5 }
  kept.entities.push({ ...entity, externalId: 'bob', name: 'Bob' }, { ...entity, externalId: 'ann', name: 'Ann' })
  kept.relations.push({
    userId: '',
    sourceExternalId: 'bob',
    targetExternalId: 'ann',
    relationType: 'knows',
    confidence: 1,
    propertiesJson: '{}',
  })
  agents.archives
    .filesOf('helper')
    .set('alice/report.txt', Buffer.from('all well'))
    .set('alice/data.bin', randomBytes(700_000))
  return { alice, agentId }
}

/** Records whatever the order of their members, other entries as they are. */
const linesOf = (name: string, content: string): unknown =>
  name.endsWith('.jsonl')
    ? content
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown)
    : content

/** What there is of an agent, but for what says where it is. */
const contentsOf = async (caller: Caller, agent = 'helper') => {
  const { bytes } = await exported(caller, everything, agent)
  const { 'manifest.json': manifest, ...entries } = Object.fromEntries(entriesOf(bytes))
  const { sections } = JSON.parse(manifest!) as Body
  return { entries, sections }
}

const nothingWritten = async (caller: Caller, work: () => Promise<unknown>) => {
  const list = async () => (await get(caller, '/v1/agents')).body['agents'] as unknown[]
  const before = await list()
  await work()
  expect(await list()).toEqual(before)
}

describe('what is exported', () => {
  const expectOwnersOnly = async (path: string) => {
    const { alice } = await fullAgent()
    const status = async (caller: Caller) => (await fetched(caller, `/v1/agents/helper${path}`)).status
    expect(await status({ ...alice, role: 'viewer' })).toBe(200)
    expect(await status({ ...alice, userId: 'carol' })).toBe(403)
    expect(await status({ ...alice, userId: 'carol', role: 'owner' })).toBe(200)
    expect(await status({ ...alice, userId: '' })).toBe(403)
    expect(await status(admin())).toBe(404)
  }
  rule('previewAgentExport.requiresOwnership', () => expectOwnersOnly('/export/preview'))
  rule('exportAgent.requiresOwnership', () => expectOwnersOnly('/export'))

  rule('previewAgentExport.countsEverything', async () => {
    const { alice } = await fullAgent()
    expect((await get(alice, '/v1/agents/helper/export/preview')).body).toEqual({
      context_files: 1,
      user_context_files_users: 1,
      memory_global: 1,
      memory_per_user: 1,
      kg_entities: 2,
      kg_relations: 1,
      sessions: 1,
      cron_jobs: 1,
      grants: 1,
      user_profiles: 2,
      user_overrides: 0,
      team_tasks: 0,
      team_members: 0,
      agent_links: 0,
      workspace_files: 2,
    })
  })

  rule('exportAgent.takesSections', async () => {
    const { alice } = await fullAgent()
    const names = async (sections: string) => [...entriesOf((await exported(alice, sections)).bytes).keys()]
    expect(await names('')).toEqual([
      'agent.json',
      'context_files/SOUL.md',
      'user_context_files/a_b/USER.md',
      'manifest.json',
    ])
    expect(await names('cron,nonsense')).toEqual(['agent.json', 'cron/jobs.jsonl', 'manifest.json'])
    const all = (await names(everything)).filter((name) => !name.includes('context_files'))
    expect(all).toEqual([
      'agent.json',
      'memory/global.jsonl',
      'memory/users/bob.jsonl',
      'knowledge_graph/entities.jsonl',
      'knowledge_graph/relations.jsonl',
      'sessions/sessions.jsonl',
      'cron/jobs.jsonl',
      'grants/shares.jsonl',
      'user_profiles.jsonl',
      'workspace/alice/report.txt',
      'workspace/alice/data.bin',
      'manifest.json',
    ])
  })

  rule('exportAgent.alwaysHoldsTheAgent', async () => {
    const { alice, agentId } = await fullAgent()
    const { bytes } = await exported(alice, 'nonsense')
    const entries = entriesOf(bytes)
    expect([...entries.keys()]).toEqual(['agent.json', 'manifest.json'])
    expect(JSON.parse(entries.get('agent.json')!)).toEqual({
      agent_key: 'helper',
      status: 'active',
      display_name: 'Helper',
      model: 'gpt-x',
      context_window: 200_000,
      max_tool_iterations: 30,
      agent_type: 'open',
      tools_config: { deny: ['exec'] },
      memory_config: { enabled: true },
      compaction_config: {},
      other_config: { emoji: '🦀' },
    })
    expect(JSON.parse(entries.get('manifest.json')!)).toEqual({
      version: 1,
      format: 'goclaw-agent-export',
      exported_at: expect.stringMatching(/Z$/),
      exported_by: 'alice',
      agent_key: 'helper',
      agent_id: agentId,
      sections: { config: { count: 1 } },
    })
  })

  rule('exportAgent.failsWithAStatus', async () => {
    const { alice } = await fullAgent()
    agents.archives.state.memoryFails = true
    expect((await exported(alice, 'context_files,memory')).status).toBe(503)
    const { body } = await get(alice, '/v1/agents/helper/export?stream=true&sections=memory')
    expect(eventsOf(body).at(-1)).toEqual([
      'error',
      { phase: 'export', status: 'error', detail: expect.stringContaining('memory') },
    ])
  })

  it('an entry whose bytes fail in the middle fails the export, and nothing else', async () => {
    const failing = async function* () {
      yield Buffer.alloc(10)
      throw new Error('gone')
    }
    const entries = async function* () {
      yield { name: 'workspace/a', size: 100, content: failing() }
    }
    await expect(Array.fromAsync(packArchive(entries()))).rejects.toThrow('gone')
  })

  rule('exportAgent.endsAtTheLimit', async () => {
    const zeros = async function* () {
      for (let count = 0; count < 40; count++) yield Buffer.alloc(mib)
    }
    const entries = async function* () {
      for (const name of ['workspace/a', 'workspace/b']) yield { name, size: 40 * mib, content: zeros() }
    }
    // What is packed so well would be refused as a bomb.
    await expect(Array.fromAsync(packArchive(entries()))).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
  })

  rule('exportAgent.isNamedAfterTheAgent', async () => {
    const { alice } = await fullAgent()
    const { headers } = await exported(alice)
    expect(headers.get('content-type')).toBe('application/gzip')
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="agent-helper-\d{8}\.tar\.gz"$/)
  })
})

describe('an export with progress', () => {
  const keep = async (caller: Caller, sections = 'cron') => {
    const { body } = await get(caller, `/v1/agents/helper/export?stream=true&sections=${sections}`)
    const events = eventsOf(body)
    const [name, complete] = events.at(-1)!
    expect(name).toBe('complete')
    return { events, complete, path: complete['download_url'] as string }
  }

  rule('exportAgent.streamsProgress', async () => {
    const { alice, agentId } = await fullAgent()
    const { events, complete, path } = await keep(alice, 'memory,context_files,knowledge_graph')
    const phases = [
      ['config', 1],
      ['context_files', 1],
      ['user_context_files', 1],
      ['memory', 2],
      ['knowledge_graph_entities', 2],
      ['knowledge_graph_relations', 1],
    ]
    expect(events.slice(0, -1)).toEqual(
      phases.flatMap(([phase, current]) => [
        ['progress', { phase, status: 'running' }],
        ['progress', { phase, status: 'done', current }],
      ]),
    )
    expect(path.startsWith(`/v1/agents/${agentId}/export/download/`)).toBe(true)
    const { bytes, headers } = await fetched(alice, path)
    expect(bytes.length).toBe(complete['file_size'])
    expect(headers.get('content-disposition')).toContain(String(complete['file_name']))
    const entries = entriesOf(bytes)
    expect([...entries.keys()]).toContain('memory/users/bob.jsonl')
    expect((JSON.parse(entries.get('manifest.json')!) as Body)['sections']).toEqual({
      config: { count: 1 },
      context_files: { count: 1 },
      user_context_files: { count: 1, users: 1 },
      memory: { global: 1, per_user: 1 },
      knowledge_graph: { entities: 2, relations: 1 },
    })
  })

  rule('downloadAgentExport.isSpentOnce', async () => {
    const { alice } = await fullAgent()
    const { path } = await keep(alice)
    const both = await Promise.all([fetched(alice, path), fetched(alice, path)])
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 404])
    expect((await fetched(alice, path)).status).toBe(404)
  })

  it(ruleName('downloadAgentExport.isTheUsers'), async () => {
    const { alice } = await fullAgent()
    const { path } = await keep(alice)
    const token = path.split('/').at(-1)!
    expect((await fetched({ ...alice, userId: 'bob' }, path)).status).toBe(403)
    expect((await fetched({ ...alice, userId: 'bob' }, `/v1/export/download/${token}`)).status).toBe(403)
    expect((await fetched(admin(), `/v1/export/download/${token}`)).status).toBe(404)
    expect((await fetched({ ...alice, userId: 'root', role: 'owner' }, path)).status).toBe(200)
  })
  rule('downloadExport.isTheUsers', async () => {
    const { alice } = await fullAgent()
    const { path } = await keep(alice)
    const short = `/v1/export/download/${path.split('/').at(-1)!}`
    expect((await fetched({ ...alice, userId: 'bob' }, short)).status).toBe(403)
    expect((await fetched(alice, short)).status).toBe(200)
  })
  rule('downloadExport.takesAnyExport', async () => {
    const { alice } = await fullAgent()
    const { path, complete } = await keep(alice)
    const { bytes } = await fetched(alice, `/v1/export/download/${path.split('/').at(-1)!}`)
    expect(bytes.length).toBe(complete['file_size'])
    expect((await fetched(alice, path)).status).toBe(404)
  })

  rule('exportMcp.waitsForItsUser', async () => {
    const alice = admin()
    const { keepPiece } = agents.rpc(ExportsServiceService)
    const [first, last] = [randomBytes(49_152), randomBytes(100)]
    const piece = { exportId: '', fileName: 'mcp-servers-20261128.tar.gz', seq: 0, piece: first, isLast: false }
    const { exportId, token } = await keepPiece(agents.call(alice), piece)
    const next = { ...piece, exportId, seq: 1, piece: last, isLast: true }
    const path = `/v1/export/download/${token}`
    // Not before it is whole, and nobody else adds to it.
    expect((await fetched(alice, path)).status).toBe(404)
    await expect(keepPiece(agents.call({ ...alice, userId: 'bob' }), next)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await keepPiece(agents.call(alice), next)).toEqual({ exportId, token: '' })
    await expect(keepPiece(agents.call(alice), { ...next, seq: 2 })).rejects.toMatchObject({ code: 'NOT_FOUND' })

    expect((await fetched({ ...alice, userId: 'bob' }, path)).status).toBe(403)
    const { status, headers, bytes } = await fetched(alice, path)
    expect([status, headers.get('content-disposition')]).toEqual([
      200,
      'attachment; filename="mcp-servers-20261128.tar.gz"',
    ])
    expect(bytes.equals(Buffer.concat([first, last]))).toBe(true)
    expect((await fetched(alice, path)).status).toBe(404)
  })

  rule('downloadAgentExport.isOfTheAgent', async () => {
    const { alice } = await fullAgent()
    await agents.request(alice, 'POST', '/v1/agents', { agent_key: 'other' })
    const { path } = await keep(alice)
    const token = path.split('/').at(-1)!
    expect((await fetched(alice, `/v1/agents/other/export/download/${token}`)).status).toBe(404)
    expect((await fetched(alice, `/v1/agents/helper/export/download/${token}`)).status).toBe(200)
  })

  rule('downloadAgentExport.runsOut', async () => {
    const { alice } = await fullAgent()
    const { path } = await keep(alice)
    const { system } = agents.mesh.database('agents')
    const { rows } = await system.query<{ minutes: number }>(
      `UPDATE agents.archives SET expires_at = now() FROM agents.archives AS before
       WHERE archives.tenant_id = $1 AND before.id = archives.id
       RETURNING round(extract(epoch FROM before.expires_at - before.created_at) / 60)::int AS minutes`,
      [alice.tenantId],
    )
    expect(rows).toEqual([{ minutes: 5 }])
    expect((await fetched(alice, path)).status).toBe(404)
    expect((await fetched(alice, path.replace(/[^/]+$/, crypto.randomUUID()))).status).toBe(404)
  })

  it('keeps no more than three of a user', async () => {
    const { alice } = await fullAgent()
    const paths: string[] = []
    for (let count = 0; count < 4; count++) paths.push((await keep(alice)).path)
    expect((await fetched(alice, paths[0]!)).status).toBe(404)
    expect((await fetched(alice, paths[1]!)).status).toBe(200)
  })
})

describe('a new agent of an archive', () => {
  rule('exportAgent.isImportedAsItWas', async () => {
    const { alice } = await fullAgent()
    const { bytes } = await exported(alice, everything)
    const bob = admin({ userId: 'bob' })
    agents.archives.filesOf('helper').clear()
    const made = await importInto(bob, bytes)
    expect(made.status).toBe(201)
    const [before, after] = [await contentsOf(alice), await contentsOf(bob)]
    const files = Object.entries(before.entries).filter(([name]) => !name.startsWith('workspace/'))
    for (const [name, content] of files)
      expect([name, linesOf(name, after.entries[name]!)]).toEqual([name, linesOf(name, content)])
    expect(after.sections).toEqual({ ...before.sections, workspace: after.sections['workspace'] })
    expect(agents.archives.filesOf('helper').get('alice/report.txt')?.toString()).toBe('all well')
    expect(agents.archives.filesOf('helper').get('alice/data.bin')).toHaveLength(700_000)
  })

  rule('importAgent.writesAllSections', async () => {
    const { alice } = await fullAgent()
    const { bytes } = await exported(alice, everything)
    agents.archives.filesOf('helper').clear()
    const { body } = await importInto(admin(), bytes)
    expect(body).toEqual({
      agent_id: expect.any(String),
      agent_key: 'helper',
      context_files: 2,
      memory_docs: 2,
      kg_entities: 2,
      kg_relations: 1,
      sessions: 1,
      cron_jobs: 1,
      grants: 1,
      user_profiles: 2,
      workspace_files: 2,
    })
  })

  rule('importAgent.belongsToCaller', async () => {
    const bob = admin({ userId: 'bob' })
    const { body } = await importInto(bob, archiveWith())
    expect((await get(bob, `/v1/agents/${body['agent_id']}`)).body).toMatchObject({
      owner_id: 'bob',
      tenant_id: bob.tenantId,
      is_default: false,
    })
    expect((await importInto({ ...bob, userId: '' }, archiveWith())).status).toBe(400)
  })

  rule('importAgent.choosesTheKey', async () => {
    const caller = admin()
    const named = (content: object) => tarGzOf([{ name: 'agent.json', content: JSON.stringify(content) }])
    const keyOf = async (archive: Buffer, fields = {}) => (await importInto(caller, archive, fields)).body['agent_key']
    expect(await keyOf(named({ agent_key: 'from-archive', display_name: 'Said' }), { agent_key: 'from-form' })).toBe(
      'from-form',
    )
    expect(await keyOf(named({ agent_key: 'From Archive' }))).toBe('from-archive')
    expect(await keyOf(named({ display_name: 'Only a Name' }))).toBe('only-a-name')
    expect(await keyOf(named({}), { display_name: 'Formal' })).toBe('formal')
    expect((await importInto(caller, named({}))).status).toBe(400)
  })

  rule('importAgent.makesKeysUnique', async () => {
    const caller = admin()
    const keys = await Promise.all(
      [1, 2, 3].map(async () => (await importInto(caller, archiveWith())).body['agent_key']),
    )
    expect(keys.toSorted()).toEqual(['helper', 'helper-2', 'helper-3'])
  })

  it(ruleName('importAgent.writesAllSections', 'sessions that name another agent become the new one’s'), async () => {
    const caller = admin()
    const line = JSON.stringify({ session: { session_key: 'agent:default:ws:direct:bob' } })
    const { body } = await importInto(caller, archiveWith({ name: 'sessions/sessions.jsonl', content: `${line}\n` }))
    expect(body).toMatchObject({ agent_key: 'helper', sessions: 1 })
    expect((await get(caller, '/v1/sessions/agent:default:ws:direct:bob')).status).toBe(404)
    expect((await get(caller, '/v1/sessions/agent:helper:ws:direct:bob')).status).toBe(200)
  })

  it(ruleName('importAgent.writesAllSections', 'sessions are called after the new key'), async () => {
    const { alice } = await fullAgent()
    const { bytes } = await exported(alice, 'sessions')
    expect((await importInto(alice, bytes)).body).toMatchObject({ agent_key: 'helper-2', sessions: 1 })
    const { body } = await get(alice, '/v1/sessions/agent:helper-2:main')
    expect((body['messages'] as Body[]).map(({ content }) => content as string)).toEqual([
      'one',
      'echo: one',
      'two',
      'echo: two',
    ])
  })

  rule('importAgent.isNotSummoned', async () => {
    const caller = admin()
    const agent = { agent_key: 'oracle', agent_type: 'predefined', other_config: { description: 'An oracle' } }
    const asked = agents.asked.length
    const { body } = await importInto(caller, tarGzOf([{ name: 'agent.json', content: JSON.stringify(agent) }]))
    expect((await get(caller, `/v1/agents/${body['agent_id']}`)).body).toMatchObject({
      status: 'active',
      agent_type: 'predefined',
    })
    expect(agents.asked).toHaveLength(asked)
  })

  rule('importAgent.isAllOrNothing', async () => {
    const caller = admin()
    const archive = archiveWith({ name: 'memory/global.jsonl', content: '{"path":"a.md","content":"x"}\n' })
    agents.archives.state.memoryFails = true
    await nothingWritten(caller, async () => {
      expect((await importInto(caller, archive)).status).toBe(503)
    })
    agents.archives.state.memoryFails = false
    expect((await importInto(caller, archive)).body).toMatchObject({ agent_key: 'helper', memory_docs: 1 })
  })

  rule('importAgent.streamsProgress', async () => {
    const caller = admin()
    const archive = archiveWith({ name: 'memory/global.jsonl', content: '{"path":"a.md","content":"x"}\n' })
    const { body, status } = await send(caller, '/v1/agents/import?stream=true', archive)
    expect(status).toBe(200)
    expect(eventsOf(body)).toEqual([
      ['progress', { phase: 'config', status: 'running' }],
      ['progress', { phase: 'config', status: 'done' }],
      ['progress', { phase: 'memory', status: 'running' }],
      ['progress', { phase: 'memory', status: 'done' }],
      ['complete', expect.objectContaining({ agent_key: 'helper', memory_docs: 1 })],
    ])
    agents.archives.state.memoryFails = true
    const failed = eventsOf((await send(caller, '/v1/agents/import?stream=true', archive)).body)
    expect(failed.at(-1)).toEqual([
      'error',
      { phase: 'import', status: 'error', detail: expect.stringContaining('memory'), rolled_back: true },
    ])
  })

  rule('importAgent.isAudited', async () => {
    const caller = admin()
    const { body } = await importInto(caller, archiveWith())
    expect(await agents.auditOf(caller.tenantId, 'agentCreated')).toEqual({
      action: 'agent.created',
      data: { id: body['agent_id'], actorId: 'alice' },
    })
  })

  const expectAdminsOnly = async (path: string) => {
    const status = async (caller: Caller) => (await send(caller, path, archiveWith())).status
    expect(await status(admin({ role: 'operator' }))).toBe(403)
    expect(await status(admin({ role: 'viewer' }))).toBe(403)
    expect(await status(admin({ userId: 'anybody' }))).toBeLessThan(300)
  }
  rule('importAgent.requiresAdmin', () => expectAdminsOnly('/v1/agents/import'))
  rule('previewAgentImport.requiresAdmin', () => expectAdminsOnly('/v1/agents/import/preview'))
})

describe('what an archive holds', () => {
  const preview = (caller: Caller, archive: Buffer) => send(caller, '/v1/agents/import/preview', archive)

  rule('previewAgentImport.countsWhatIsThere', async () => {
    const { alice } = await fullAgent()
    const { bytes } = await exported(alice, everything)
    await nothingWritten(alice, async () => {
      expect((await preview(alice, bytes)).body).toMatchObject({
        context_files: 2,
        memory_docs: 2,
        kg_entities: 2,
        kg_relations: 1,
        sessions: 1,
        cron_jobs: 1,
        workspace_files: 2,
      })
    })
  })

  rule('previewAgentImport.showsTheManifest', async () => {
    const { alice, agentId } = await fullAgent()
    const { body } = await preview(alice, (await exported(alice)).bytes)
    expect(body['manifest']).toMatchObject({ agent_id: agentId, agent_key: 'helper', format: 'goclaw-agent-export' })
    expect(body).toMatchObject(body['manifest'] as Body)
    expect((await preview(alice, archiveWith())).body['manifest']).toBeNull()
  })
})

describe('what is refused', () => {
  const broken: Record<string, Buffer> = {
    nothing: Buffer.alloc(0),
    'no gzip': Buffer.from('nonsense'),
    'no tar': gzipSync(Buffer.alloc(1_000, 7)),
    'cut off': archiveWith({ name: 'workspace/a.bin', content: randomBytes(5_000) }).subarray(0, -500),
    'a tar that is cut off': gzipSync(
      tarOf([...minimal, { name: 'workspace/a', content: 'x'.repeat(4_000) }]).subarray(0, 2_100),
    ),
    'no agent.json': tarGzOf([{ name: 'context_files/SOUL.md', content: 'x' }]),
    'two agent.json': archiveWith(...minimal),
    'a path that climbs': archiveWith({ name: 'workspace/../../x', content: 'x' }),
    'an absolute path': archiveWith({ name: '/etc/passwd', content: 'x' }),
    'a backslash': archiveWith({ name: 'workspace/..\\x', content: 'x' }),
    'a symbolic link': archiveWith({ name: 'workspace/x', type: '2', linkname: '/etc/passwd' }),
    'a hard link': archiveWith({ name: 'workspace/x', type: '1', linkname: 'agent.json' }),
    'a device': archiveWith({ name: 'workspace/x', type: '3' }),
    'a line that is no JSON': archiveWith({
      name: 'memory/global.jsonl',
      content: '{"path":"a.md","content":"x"}\nnonsense\n',
    }),
    'a record that lacks something': archiveWith({ name: 'memory/global.jsonl', content: '{"content":"x"}\n' }),
    'a NUL in a record': archiveWith({ name: 'memory/global.jsonl', content: '{"path":"a.md","content":"\\u0000"}\n' }),
    'a schedule that cannot be read': archiveWith({
      name: 'cron/jobs.jsonl',
      content: '{"name":"x","schedule_kind":"cron","cron_expression":"nonsense","payload":{}}\n',
    }),
    'a text that is no UTF-8': archiveWith({ name: 'context_files/SOUL.md', content: Buffer.from([0xff, 0xfe]) }),
  }
  const expectRefusals = async (path: string) => {
    const caller = admin()
    await nothingWritten(caller, async () => {
      for (const [what, archive] of Object.entries(broken))
        expect([what, (await send(caller, path, archive)).status]).toEqual([what, 400])
      expect((await agents.request(caller, 'POST', path, { file: 'x' })).status).toBe(400)
      const { body, headers } = formOf(archiveWith())
      expect((await agents.request(caller, 'POST', path, body.subarray(0, -60), headers)).status).toBe(400)
    })
  }
  rule('importAgent.refusesWhatIsBroken', () => expectRefusals('/v1/agents/import'))
  rule('previewAgentImport.refusesWhatIsBroken', () => expectRefusals('/v1/agents/import/preview'))
  rule('mergeImportAgent.refusesWhatIsBroken', async () => {
    const { alice } = await fullAgent()
    const before = await contentsOf(alice)
    const entry = { name: 'context_files/SOUL.md', content: 'overwritten' }
    for (const archive of [archiveWith(entry, { name: '../x' }), archiveWith(entry).subarray(0, -20)])
      expect((await merge(alice, archive)).status).toBe(400)
    expect(await contentsOf(alice)).toEqual(before)
  })

  const tooMuch = (): Record<string, Buffer> => ({
    'a text over 1 MiB': archiveWith({ name: 'context_files/SOUL.md', content: 'x'.repeat(mib + 1) }),
    'a line over 10 MiB': archiveWith({
      name: 'memory/global.jsonl',
      content: `{"path":"a.md","content":"${'x'.repeat(10 * mib)}"}`,
    }),
    'a file over 50 MiB': archiveWith({ name: 'workspace/x', content: Buffer.alloc(50 * mib + 1) }),
    'a bomb': archiveWith(
      { name: 'workspace/x', content: Buffer.alloc(40 * mib) },
      { name: 'workspace/y', content: Buffer.alloc(40 * mib) },
    ),
    'too many entries': gzipSync(
      Buffer.concat([tarOf(minimal).subarray(0, 1_024), ...Array.from({ length: 100_001 }, () => directory)]),
    ),
  })
  const directory = tarOf([{ name: 'workspace/', type: '5' }]).subarray(0, 512)
  rule('importAgent.hasBounds', async () => {
    const caller = admin()
    await nothingWritten(caller, async () => {
      for (const [what, archive] of Object.entries(tooMuch()))
        expect([what, (await importInto(caller, archive)).status]).toEqual([what, 400])
    })
  })
  rule('mergeImportAgent.hasBounds', async () => {
    const { alice } = await fullAgent()
    const before = await contentsOf(alice)
    const entry = { name: 'context_files/SOUL.md', content: 'overwritten' }
    const long = { name: 'context_files/LONG.md', content: 'x'.repeat(mib + 1) }
    expect((await merge(alice, archiveWith(entry, long))).status).toBe(400)
    expect(await contentsOf(alice)).toEqual(before)
  })
})

describe('an archive that is merged', () => {
  rule('mergeImportAgent.requiresOwnership', async () => {
    const { alice } = await fullAgent()
    const status = async (caller: Caller) => (await merge(caller, archiveWith())).status
    expect(await status(alice)).toBe(200)
    expect(await status({ ...alice, userId: 'carol' })).toBe(403)
    expect(await status({ ...alice, userId: '' })).toBe(403)
    expect(await status({ ...alice, userId: 'carol', role: 'owner' })).toBe(200)
    expect(await status({ ...alice, role: 'operator' })).toBe(403)
  })

  rule('mergeImportAgent.leavesTheAgentAlone', async () => {
    const { alice } = await fullAgent()
    const before = (await get(alice, '/v1/agents/helper')).body
    await merge(alice, tarGzOf([{ name: 'agent.json', content: '{"agent_key":"x","model":"other"}' }]))
    expect((await get(alice, '/v1/agents/helper')).body).toEqual(before)
  })

  const files = [
    { name: 'context_files/SOUL.md', content: 'Be stern.' },
    { name: 'memory/global.jsonl', content: '{"path":"new.md","content":"new"}\n' },
  ]
  rule('mergeImportAgent.takesSections', async () => {
    const { alice } = await fullAgent()
    expect((await merge(alice, archiveWith(...files), '?include=memory')).body).toMatchObject({
      context_files: 0,
      memory_docs: 1,
    })
    expect((await merge(alice, archiveWith(...files))).body).toMatchObject({ context_files: 1, memory_docs: 1 })
  })
  rule('mergeImportAgent.replacesContextFiles', async () => {
    const { alice } = await fullAgent()
    await merge(alice, archiveWith(...files))
    expect((await contentsOf(alice)).entries['context_files/SOUL.md']).toBe('Be stern.')
  })
  rule('mergeImportAgent.addsJobsSwitchedOff', async () => {
    const { alice } = await fullAgent()
    const job = (name: string) =>
      JSON.stringify({ name, schedule_kind: 'every', interval_ms: 60_000, payload: { message: 'hi' } })
    const archive = archiveWith({ name: 'cron/jobs.jsonl', content: `${job('daily')}\n${job('hourly')}\n` })
    expect((await merge(alice, archive)).body).toMatchObject({ cron_jobs: 1 })
    const { system } = agents.mesh.database('agents')
    const { rows } = await system.query(
      'SELECT name, enabled, next_run_at FROM agents.cron_jobs WHERE tenant_id = $1 ORDER BY name',
      [alice.tenantId],
    )
    expect(rows).toEqual([
      { name: 'daily', enabled: true, next_run_at: expect.any(Date) },
      { name: 'hourly', enabled: false, next_run_at: null },
    ])
  })
  rule('mergeImportAgent.keepsWhatIsThere', async () => {
    const { alice } = await fullAgent()
    const { bytes } = await exported(alice, 'sessions,grants,user_profiles,workspace')
    await agents.request(alice, 'POST', '/v1/agents/helper/shares', { user_id: 'bob', role: 'changed' })
    agents.archives.filesOf('helper').set('alice/report.txt', Buffer.from('changed'))
    expect((await merge(alice, bytes)).body).toMatchObject({
      sessions: 0,
      grants: 0,
      user_profiles: 0,
      workspace_files: 0,
    })
    const { shares } = (await get(alice, '/v1/agents/helper/shares')).body
    expect(shares).toMatchObject([{ role: 'changed' }])
    expect(agents.archives.filesOf('helper').get('alice/report.txt')?.toString()).toBe('changed')
  })
  rule('mergeImportAgent.streamsProgress', async () => {
    const { alice } = await fullAgent()
    const { body } = await merge(alice, archiveWith(...files), '?stream=true')
    expect(eventsOf(body).map(([name]) => name)).toEqual(['progress', 'progress', 'progress', 'progress', 'complete'])
  })
  rule('mergeImportAgent.isAudited', async () => {
    const { alice, agentId } = await fullAgent()
    await merge(alice, archiveWith())
    expect(await agents.auditOf(alice.tenantId, 'agentImported')).toEqual({
      action: 'agent.imported',
      data: { id: agentId, actorId: 'alice' },
    })
  })
})
