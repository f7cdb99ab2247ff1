/** Heartbeats over a WebSocket and a real database, looked for often. */
import { randomUUID } from 'node:crypto'
import { MeshError, wsEventSources, type Caller } from '@clawmesh/contracts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { done, echo, startAgents, text, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents({
    CLAWMESH_CRON_TICK_MS: '25',
    CLAWMESH_CRON_RETRY_MS: '1',
    CLAWMESH_CRON_LEASE_MS: '6000',
  })
})
afterAll(() => agents.stop())
beforeEach(() => {
  agents.model = echo
  agents.asked.length = 0
  agents.sentTexts.length = 0
})

const ask = async (caller: Caller, method: string, params: object = {}): Promise<Body> => {
  const asked = { method, paramsJson: JSON.stringify(params) }
  return JSON.parse((await agents.mesh.methods('agents').callMethod(agents.call(caller), asked)).resultJson) as Body
}
const beat = (caller: Caller, method: string, params: object = {}) =>
  ask(caller, `heartbeat.${method}`, { agentId: 'watcher', ...params })
const set = async (caller: Caller, fields: object = {}): Promise<Body> =>
  (await beat(caller, 'set', fields))['heartbeat'] as Body
const refused = (code: string) => expect.objectContaining({ code })

/** An admin of a new tenant, whose agent has a checklist. */
const tenant = async (checklist = '- look at the mail') => {
  const admin = testCaller({ role: 'admin', userId: 'ann', credential: 'gateway-token' })
  const { body } = await agents.request<{ id: string }>(admin, 'POST', '/v1/agents', { agent_key: 'watcher' })
  if (checklist !== '') await beat(admin, 'checklist.set', { content: checklist })
  return { admin, agentId: body.id, viewer: { ...admin, role: 'viewer' as const, userId: 'bob' } }
}
const changeRow = (agentId: string, change: string) =>
  agents.mesh
    .database('agents')
    .pool.query(`UPDATE agents.agent_heartbeats SET ${change} WHERE agent_id = $1`, [agentId])
const makeDue = (agentId: string) => changeRow(agentId, `next_run_at = now() - interval '1 minute'`)
const logsOf = async (caller: Caller) => (await beat(caller, 'logs'))['logs'] as Body[]
/** What is logged once there is something. */
const logged = (caller: Caller, count = 1): Promise<Body[]> =>
  eventually('a log', async () => {
    const logs = await logsOf(caller)
    return logs.length >= count && logs
  })
const answers = (content: string) => {
  agents.model = async function* () {
    yield text(content)
    yield done({})
  }
}
const expectOwnership = async (method: string, params: object) => {
  const { admin } = await tenant()
  await expect(beat(admin, method, { ...params, agentId: randomUUID() })).rejects.toThrow(refused('NOT_FOUND'))
  const stranger = testCaller({ role: 'admin', credential: 'gateway-token' })
  await expect(beat(stranger, method, params)).rejects.toThrow(refused('NOT_FOUND'))
  if (method === 'toggle' || method === 'test')
    await expect(beat(admin, method, params)).rejects.toThrow(refused('NOT_FOUND'))
}
const expectAccess = async (method: string) => {
  const { admin, viewer } = await tenant()
  await expect(beat(viewer, method)).rejects.toThrow(refused('FORBIDDEN'))
  await expect(beat(admin, method, { agentId: 'nobody' })).rejects.toThrow(refused('NOT_FOUND'))
}

describe('heartbeat.get', () => {
  rule('heartbeat.get.isNullBefore', async () => {
    const { admin } = await tenant()
    expect(await beat(admin, 'get')).toEqual({ heartbeat: null })
    const made = await set(admin)
    expect(await beat(admin, 'get')).toEqual({ heartbeat: made })
  })
  rule('heartbeat.get.needsAccess', () => expectAccess('get'))
})

describe('heartbeat.set', () => {
  rule('heartbeat.set.beginsWithDefaults', async () => {
    const { admin, agentId } = await tenant()
    const made = await set(admin)
    expect(made).toMatchObject({
      agentId,
      enabled: false,
      intervalSec: 1_800,
      isolatedSession: true,
      lightContext: false,
      ackMaxChars: 300,
      maxRetries: 2,
      timezone: 'UTC',
      runCount: 0,
    })
    expect(made['nextRunAt']).toBeUndefined()
  })
  rule('heartbeat.set.changesWhatIsGiven', async () => {
    const { admin } = await tenant()
    const hours = { activeHoursStart: '08:00', activeHoursEnd: '20:00', timezone: 'Asia/Tokyo' }
    await set(admin, { interval: 600, model: 'm', providerName: 'p', ...hours })
    expect(await set(admin, { prompt: 'look' })).toMatchObject({
      intervalSec: 600,
      model: 'm',
      prompt: 'look',
      ...hours,
    })
    const emptied = await set(admin, { model: '', providerName: '', activeHoursStart: '', activeHoursEnd: '' })
    expect(emptied).toMatchObject({ intervalSec: 600, prompt: 'look' })
    for (const name of ['model', 'providerName', 'activeHoursStart']) expect(emptied).not.toHaveProperty(name)
  })
  rule('heartbeat.set.spreadsTheFirstRun', async () => {
    const { admin } = await tenant()
    const waits = async (heartbeat: Body) => (Date.parse(heartbeat['nextRunAt'] as string) - Date.now()) / 1_000
    const first = await waits(await set(admin, { enabled: true, intervalSec: 3_600 }))
    expect(first).toBeGreaterThan(3_590)
    expect(first).toBeLessThanOrEqual(3_960)
    await set(admin, { enabled: false })
    expect(Math.abs((await waits(await set(admin, { enabled: true }))) - first)).toBeLessThan(30)
  })
  rule('heartbeat.set.checksTheHours', async () => {
    const { admin } = await tenant()
    const wrong = [
      { activeHoursStart: '8' },
      { activeHoursStart: '08:00' },
      { activeHoursStart: '08:00', activeHoursEnd: '08:00' },
      { timezone: 'Mars/Base' },
      { intervalSec: 299 },
    ]
    for (const fields of wrong) await expect(set(admin, fields)).rejects.toThrow(refused('INVALID_REQUEST'))
    expect(await beat(admin, 'get')).toEqual({ heartbeat: null })
  })
  it(ruleName('heartbeat.set.runsInActiveHours'), async () => {
    const { admin, agentId } = await tenant()
    const hourFrom = (offset: number) => new Date(Date.now() + offset * 3_600_000).toISOString().slice(11, 16)
    await set(admin, { enabled: true, activeHoursStart: hourFrom(2), activeHoursEnd: hourFrom(3) })
    await makeDue(agentId)
    expect((await logged(admin))[0]).toMatchObject({ status: 'skipped', skipReason: 'active_hours' })
    expect(agents.asked).toEqual([])
    await set(admin, { activeHoursStart: hourFrom(-1), activeHoursEnd: hourFrom(1) })
    await makeDue(agentId)
    expect((await logged(admin, 2))[0]).toMatchObject({ status: 'ok' })
  })
  rule('heartbeat.set.skipsEmptyChecklists', async () => {
    const { admin, agentId } = await tenant('')
    await set(admin, { enabled: true })
    await makeDue(agentId)
    expect((await logged(admin))[0]).toMatchObject({ status: 'skipped', skipReason: 'empty_checklist' })
    expect(agents.asked).toEqual([])
  })
  rule('heartbeat.set.waitsForAQuietAgent', async () => {
    const { admin, agentId } = await tenant()
    await set(admin, { enabled: true })
    const { promise: asked, resolve: begin } = Promise.withResolvers<void>()
    const { promise: release, resolve: end } = Promise.withResolvers<void>()
    agents.model = async function* (request, call) {
      begin()
      await release
      yield* echo(request, call)
    }
    const turn = agents.request(admin, 'POST', '/v1/agents/watcher/wake', { message: 'hi' })
    await asked
    await makeDue(agentId)
    expect((await logged(admin))[0]).toMatchObject({ status: 'skipped', skipReason: 'queue_busy' })
    const { heartbeat } = await beat(admin, 'get')
    expect(Date.parse(heartbeat.nextRunAt as string)).toBeLessThan(Date.now())
    end()
    await turn
    await changeRow(agentId, 'retry_at = now()')
    expect((await logged(admin, 2))[0]).toMatchObject({ status: 'ok' })
  })
  rule('heartbeat.set.carriesTheChecklist', async () => {
    const { admin, agentId } = await tenant()
    await set(admin, { enabled: true, prompt: 'go and see', model: 'small', providerName: 'other' })
    await makeDue(agentId)
    await logged(admin)
    const [request] = agents.asked
    expect(request).toMatchObject({ provider: 'other', model: 'small' })
    const said = JSON.stringify(request)
    for (const part of ['look at the mail', 'HEARTBEAT_OK', 'go and see']) expect(said).toContain(part)
  })
  rule('heartbeat.set.actsForItsUser', async () => {
    const { admin, agentId } = await tenant()
    const callers: Caller[] = []
    agents.model = async function* (request, call) {
      callers.push(call.caller)
      yield* echo(request, call)
    }
    await set(admin, { enabled: true })
    await makeDue(agentId)
    await logged(admin)
    await set({ ...admin, userId: 'root', role: 'owner' })
    await makeDue(agentId)
    await logged(admin, 2)
    const expected = { userId: 'ann', role: 'operator', tenantId: admin.tenantId }
    expect(callers).toMatchObject([expected, expected])
    await changeRow(agentId, `user_id = 'bob'`)
    await makeDue(agentId)
    expect((await logged(admin, 3))[0]).toMatchObject({ status: 'error', error: 'no access to this agent' })
    expect(callers).toHaveLength(2)
  })
  rule('heartbeat.set.keepsQuiet', async () => {
    const { admin, agentId } = await tenant()
    await set(admin, { enabled: true, channel: 'team', chatId: '42' })
    answers('All is well. HEARTBEAT_OK.')
    await makeDue(agentId)
    expect((await logged(admin))[0]).toMatchObject({ status: 'suppressed', summary: 'All is well. HEARTBEAT_OK.' })
    expect(agents.sentTexts).toEqual([])
    answers('The mail is full')
    await makeDue(agentId)
    expect((await logged(admin, 2))[0]).toMatchObject({ status: 'ok' })
    expect(agents.sentTexts).toMatchObject([{ channel: 'team', chatId: '42', text: 'The mail is full' }])
    expect((await beat(admin, 'get'))['heartbeat']).toMatchObject({ runCount: 2, suppressCount: 1, lastStatus: 'ok' })
  })
  rule('heartbeat.set.triesAgain', async () => {
    const { admin, agentId } = await tenant()
    await set(admin, { enabled: true, maxRetries: 1 })
    let tries = 0
    agents.model = async function* () {
      tries++
      throw new MeshError('UNAVAILABLE', 'error.shutting_down')
    }
    await makeDue(agentId)
    expect((await logged(admin))[0]).toMatchObject({ status: 'error', error: expect.any(String) })
    expect(tries).toBe(2)
  })
  rule('heartbeat.set.forgetsItsSession', async () => {
    const { admin, agentId } = await tenant()
    const sessions = async () => {
      const { rows } = await agents.mesh
        .database('agents')
        .pool.query<{ session_key: string }>('SELECT session_key FROM agents.sessions WHERE agent_id = $1', [agentId])
      return rows.map(({ session_key: key }) => key)
    }
    await set(admin, { enabled: true })
    await makeDue(agentId)
    await logged(admin)
    expect(await sessions()).toEqual([])
    await set(admin, { isolatedSession: false })
    await makeDue(agentId)
    await logged(admin, 2)
    expect(await sessions()).toEqual(['agent:watcher:heartbeat'])
  })
  rule('heartbeat.set.leavesFilesOut', async () => {
    const { admin, agentId } = await tenant()
    await ask(admin, 'agents.files.set', { agentId: 'watcher', name: 'SOUL.md', content: 'a gentle soul' })
    await set(admin, { enabled: true })
    await makeDue(agentId)
    await logged(admin)
    expect(JSON.stringify(agents.asked)).toContain('a gentle soul')
    agents.asked.length = 0
    await set(admin, { lightContext: true })
    await makeDue(agentId)
    await logged(admin, 2)
    expect(JSON.stringify(agents.asked)).not.toContain('a gentle soul')
  })
  rule('heartbeat.set.isAudited', async () => {
    const { admin, agentId } = await tenant()
    await set(admin)
    expect(await agents.auditOf(admin.tenantId, 'heartbeatSet')).toMatchObject({
      action: 'heartbeat.set',
      data: { id: agentId, actorId: 'ann' },
    })
  })
  rule('heartbeat.set.needsOwnership', () => expectOwnership('set', {}))
})

describe('heartbeat.toggle', () => {
  rule('heartbeat.toggle.movesTheNextRun', async () => {
    const { admin, agentId } = await tenant()
    await set(admin)
    expect(await beat(admin, 'toggle', { enabled: true })).toEqual({ agentId, enabled: true })
    expect((await beat(admin, 'get'))['heartbeat']).toHaveProperty('nextRunAt')
    expect(await beat(admin, 'toggle', { enabled: false })).toEqual({ agentId, enabled: false })
    expect((await beat(admin, 'get'))['heartbeat']).not.toHaveProperty('nextRunAt')
  })
  rule('heartbeat.toggle.isAudited', async () => {
    const { admin, agentId } = await tenant()
    await set(admin)
    await beat(admin, 'toggle', { enabled: true })
    const { data } = await agents.auditOf(admin.tenantId, 'heartbeatToggled')
    expect(data).toMatchObject({ id: agentId, actorId: 'ann', enabled: true })
  })
  rule('heartbeat.toggle.needsOwnership', () => expectOwnership('toggle', { enabled: true }))
})

describe('heartbeat.test', () => {
  rule('heartbeat.test.runsAtOnce', async () => {
    const { admin, agentId } = await tenant()
    const hourFrom = (offset: number) => new Date(Date.now() + offset * 3_600_000).toISOString().slice(11, 16)
    const { nextRunAt } = await set(admin, {
      enabled: true,
      activeHoursStart: hourFrom(2),
      activeHoursEnd: hourFrom(3),
    })
    expect(await beat(admin, 'test')).toEqual({ ok: true })
    expect((await logged(admin))[0]).toMatchObject({ status: 'ok' })
    expect((await beat(admin, 'get'))['heartbeat']).toMatchObject({ nextRunAt })
    await beat(admin, 'toggle', { enabled: false })
    await beat(admin, 'test')
    await logged(admin, 2)
    const names = ['heartbeatBegun', 'heartbeatEnded'] as const
    const sent = await Promise.all(
      names.map(async (name) => {
        const { data } = await agents.auditOf(admin.tenantId, name)
        return wsEventSources.find((source) => source.name === name)!.toMessage(data)
      }),
    )
    expect(sent).toMatchObject([
      { event: 'heartbeat', payload: { action: 'running', agentId, agentKey: 'watcher' } },
      { event: 'heartbeat', payload: { action: 'ok', agentId, agentKey: 'watcher', status: 'ok' } },
    ])
  })
  rule('heartbeat.test.isTraced', async () => {
    const { admin } = await tenant()
    await set(admin, { enabled: true })
    await beat(admin, 'test')
    await logged(admin)
    const { data } = await agents.auditOf(admin.tenantId, 'runEnded')
    expect(data).toMatchObject({ trace: { name: 'Heartbeat [watcher]', channel: 'heartbeat' } })
    expect(agents.asked.at(-1)!.spender).toMatchObject({ beginsRun: true })
  })
  rule('heartbeat.test.isAudited', async () => {
    const { admin, agentId } = await tenant()
    await set(admin)
    await beat(admin, 'test')
    const { data } = await agents.auditOf(admin.tenantId, 'heartbeatTested')
    expect(data).toMatchObject({ id: agentId, actorId: 'ann' })
  })
  rule('heartbeat.test.needsOwnership', () => expectOwnership('test', {}))
})

describe('heartbeat.logs', () => {
  rule('heartbeat.logs.listsNewestFirst', async () => {
    const { admin } = await tenant()
    await set(admin)
    for (const [at, content] of ['one', 'two', 'three'].entries()) {
      answers(content)
      await beat(admin, 'test')
      await logged(admin, at + 1)
    }
    const { logs, total } = await beat(admin, 'logs', { limit: 2 })
    expect([(logs as Body[]).map(({ summary }) => summary as string), total]).toEqual([['three', 'two'], 3])
    expect(((await beat(admin, 'logs', { offset: 2 }))['logs'] as Body[])[0]).toMatchObject({ summary: 'one' })
  })
  rule('heartbeat.logs.needsAccess', () => expectAccess('logs'))
})

describe('heartbeat.checklist', () => {
  rule('heartbeat.checklist.get.isEmptyBefore', async () => {
    const { admin } = await tenant('')
    expect(await beat(admin, 'checklist.get')).toEqual({ content: '' })
    await beat(admin, 'checklist.set', { content: '- one' })
    expect(await beat(admin, 'checklist.get')).toEqual({ content: '- one' })
  })
  rule('heartbeat.checklist.get.needsAccess', () => expectAccess('checklist.get'))
  rule('heartbeat.checklist.set.countsCharacters', async () => {
    const { admin } = await tenant('')
    expect(await beat(admin, 'checklist.set', { data: 'ốc 🐌' })).toEqual({ ok: true, length: 4 })
  })
  rule('heartbeat.checklist.set.isAudited', async () => {
    const { admin } = await tenant('a private text')
    const { data } = await agents.auditOf(admin.tenantId, 'agentFileSet')
    expect(data).toMatchObject({ actorId: 'ann' })
    expect(JSON.stringify(data)).not.toContain('a private text')
  })
  rule('heartbeat.checklist.set.needsOwnership', () => expectOwnership('checklist.set', { content: 'x' }))
})

rule('heartbeat.targets.listsGroups', async () => {
  const { admin, agentId } = await tenant()
  const { pool } = agents.mesh.database('agents')
  const keys = [
    'telegram:group:7',
    'discord:group:5',
    'telegram:group:7:topic:3',
    'telegram:direct:8',
    'telegram:group:7',
  ]
  for (const [at, key] of keys.entries())
    await pool.query(
      `INSERT INTO agents.sessions (id, tenant_id, session_key, agent_id, label) VALUES ($1, $2, $3, $4, $5)`,
      [randomUUID(), admin.tenantId, `agent:a${at}:${key}`, agentId, `title ${key}`],
    )
  expect(await beat(admin, 'targets')).toEqual({
    targets: [
      { channel: 'discord', chatId: '5', title: 'title discord:group:5', kind: 'group' },
      { channel: 'telegram', chatId: '7', title: 'title telegram:group:7', kind: 'group' },
      { channel: 'telegram', chatId: '7:topic:3', title: 'title telegram:group:7:topic:3', kind: 'topic' },
    ],
  })
  const stranger = testCaller({ role: 'admin', credential: 'gateway-token' })
  expect(await beat(stranger, 'targets')).toEqual({ targets: [] })
})

rule('cron.create.wakesTheHeartbeat', async () => {
  const { admin } = await tenant()
  await set(admin, { enabled: true })
  const job = { name: 'waker', message: 'go', agentId: 'watcher', wakeHeartbeat: true }
  const { job: made } = await ask(admin, 'cron.create', { ...job, schedule: { kind: 'every', everyMs: 3_600_000 } })
  await ask(admin, 'cron.run', { jobId: made.id })
  expect((await logged(admin))[0]).toMatchObject({ status: 'ok' })
})

it('that a dead replica had begun has failed, and comes again', async () => {
  const { admin, agentId } = await tenant()
  await set(admin, { enabled: true })
  await changeRow(
    agentId,
    `claim = gen_random_uuid(), claimed_until = now() - interval '1 second', begun_at = now(), last_run_at = now()`,
  )
  expect((await logged(admin))[0]).toMatchObject({ status: 'error', error: 'interrupted' })
  expect((await beat(admin, 'get'))['heartbeat']).toHaveProperty('nextRunAt')
})
