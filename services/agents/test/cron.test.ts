/** Work at set times over a WebSocket and a real database, done by a scheduler that looks often. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError, wsEventSources, type Caller } from '@clawmesh/contracts'
import { eventually, until } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { closedChannel, done, echo, startAgents, text, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>

const hour = 3_600_000
let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents({ CLAWMESH_CRON_TICK_MS: '25', CLAWMESH_CRON_RETRY_MS: '1' })
})
afterAll(() => agents.stop())
beforeEach(() => {
  agents.model = echo
})

const newTenant = () => {
  const alice = testCaller({ role: 'operator', userId: 'alice', credential: 'gateway-token' })
  return { alice, bob: { ...alice, userId: 'bob' }, admin: { ...alice, role: 'admin' as const, userId: 'carol' } }
}
const ask = async (caller: Caller, method: string, params: object = {}): Promise<Body> => {
  const asked = { method: `cron.${method}`, paramsJson: JSON.stringify(params) }
  const { resultJson } = await agents.mesh.methods('agents').callMethod(agents.call(caller), asked)
  return JSON.parse(resultJson) as Body
}
const daily = { kind: 'cron', expr: '0 9 * * *', tz: 'UTC' }
const create = async (caller: Caller, fields: object = {}): Promise<Body> =>
  (await ask(caller, 'create', { name: 'digest', schedule: daily, message: 'good morning', ...fields }))['job'] as Body
const statusOf = (caller: Caller, jobId: string) => ask(caller, 'status', { jobId })
const runsOf = async (caller: Caller, params: object = {}) => (await ask(caller, 'runs', params))['entries'] as Body[]
/** What is logged of a job's runs, once there are so many. */
const logged = (caller: Caller, jobId: string, count = 1) =>
  eventually(`${count} runs`, async () => {
    const runs = await runsOf(caller, { jobId })
    return runs.length >= count && runs
  })
const refused = (code: string) => expect.objectContaining({ code })
const changeRow = (id: string, set: string) =>
  agents.mesh.database('agents').pool.query(`UPDATE agents.cron_jobs SET ${set} WHERE id = $1`, [id])
/** Makes a job due for some hours. */
const makeDue = (id: string, hours = 3) => changeRow(id, `next_run_at = now() - interval '${hours} hours'`)

const expectHidden = async (method: string, more: object = {}, whenMissing = 'NOT_FOUND') => {
  const { alice, bob, admin } = newTenant()
  const job = await create(alice)
  for (const jobId of [job['id'] as string, randomUUID()])
    await expect(ask(bob, method, { jobId, ...more })).rejects.toThrow(refused('FORBIDDEN'))
  await expect(ask(admin, method, { jobId: randomUUID(), ...more })).rejects.toThrow(refused(whenMissing))
  const stranger = testCaller({ role: 'admin', credential: 'gateway-token' })
  await expect(ask(stranger, method, { jobId: job['id'], ...more })).rejects.toThrow(refused(whenMissing))
}
type Audited = 'cronCreated' | 'cronUpdated' | 'cronDeleted' | 'cronToggled' | 'cronRun'
const expectAudited = async (name: Audited, use: (caller: Caller, job: Body) => Promise<unknown>) => {
  const { alice } = newTenant()
  const job = await create(alice, { message: 'a private text' })
  await use(alice, job)
  const { data } = await agents.auditOf(alice.tenantId, name)
  expect(data).toMatchObject({ id: job['id'], actorId: 'alice' })
  expect(JSON.stringify(data)).not.toContain('a private text')
}

describe('cron.list', () => {
  rule('cron.list.listsNewestFirst', async () => {
    const { alice } = newTenant()
    for (const name of ['one', 'two', 'three']) await create(alice, { name })
    const { jobs, status } = await ask(alice, 'list')
    expect((jobs as Body[]).map(({ name }) => name as string)).toEqual(['three', 'two', 'one'])
    expect(status).toEqual({ enabled: true, jobs: 3 })
    await ask(alice, 'toggle', { jobId: (jobs as Body[])[1]!['id'] })
    const names = async (params: object) =>
      ((await ask(alice, 'list', params))['jobs'] as Body[]).map(({ name }) => name as string)
    expect(await names({})).toEqual(['three', 'one'])
    expect(await names({ include_disabled: true })).toEqual(['three', 'two', 'one'])
  })
  rule('cron.list.showsOwnJobs', async () => {
    const { alice, bob, admin } = newTenant()
    await create(alice, { name: 'hers' })
    await create(bob, { name: 'his' })
    const names = async (caller: Caller) =>
      ((await ask(caller, 'list'))['jobs'] as Body[]).map(({ name }) => name as string)
    expect([await names(alice), await names(bob), await names(admin)]).toEqual([['hers'], ['his'], ['his', 'hers']])
  })
  rule('cron.list.narrowsToAnAgent', async () => {
    const { alice, admin } = newTenant()
    await agents.request({ ...admin, userId: 'alice' }, 'POST', '/v1/agents', { agent_key: 'helper' })
    await create(alice)
    const { id } = await create(alice, { agentId: 'helper' })
    expect((await ask(alice, 'list', { agentId: 'helper' }))['jobs']).toMatchObject([{ id }])
    expect((await ask(alice, 'list', { agentId: 'nobody' }))['jobs']).toEqual([])
  })
})

describe('cron.create', () => {
  rule('cron.create.belongsToTheCaller', async () => {
    const { alice } = newTenant()
    const job = await create(alice)
    expect(job).toMatchObject({
      tenantId: alice.tenantId,
      userId: 'alice',
      enabled: true,
      stateless: true,
      deliver: false,
      payload: { kind: 'agent_turn', message: 'good morning' },
      state: { nextRunAtMs: expect.any(Number) },
    })
    expect(new Date(job['state'].nextRunAtMs as number).toISOString()).toMatch(/T09:00:00.000Z$/)
  })
  rule('cron.create.actsForItsUser', async () => {
    const { alice, admin } = newTenant()
    const callers: Caller[] = []
    agents.model = async function* (request, call) {
      callers.push(call.caller)
      yield* echo(request, call)
    }
    const { body } = await agents.request<Body>(admin, 'POST', '/v1/agents', { agent_key: 'shared' })
    const share = (method: string, path = '', share?: object) =>
      agents.request(admin, method, `/v1/agents/shared/shares${path}`, share)
    await share('POST', '', { user_id: 'alice' })
    const job = await create({ ...alice, role: 'admin' }, { agentId: body['id'] })
    await makeDue(job['id'] as string)
    await logged(admin, job['id'] as string)
    expect(callers).toMatchObject([{ userId: 'alice', role: 'operator', tenantId: alice.tenantId }])
    await share('DELETE', '/alice')
    await makeDue(job['id'] as string)
    const [last] = await logged(admin, job['id'] as string, 2)
    expect(last).toMatchObject({ status: 'error', error: 'no access to this agent' })
    expect(callers).toHaveLength(1)
  })
  rule('cron.create.checksTheSchedule', async () => {
    const { alice } = newTenant()
    for (const schedule of [
      { kind: 'cron', expr: 'every day' },
      { kind: 'cron', expr: '0 9 * * *', tz: 'Nowhere' },
      { kind: 'cron', expr: '0 0 31 2 *' },
      { kind: 'every' },
      { kind: 'at', atMs: Date.now() - hour },
    ])
      await expect(create(alice, { schedule })).rejects.toThrow(refused('INVALID_REQUEST'))
    await expect(create(alice, { message: '' })).rejects.toThrow(refused('INVALID_REQUEST'))
    expect((await create(alice, { schedule: { kind: 'cron', expr: '0 9 * * *' } }))['schedule'].tz).toBe('UTC')
  })
  rule('cron.create.takesATextAsExpression', async () => {
    const { alice } = newTenant()
    const { schedule } = await create(alice, { schedule: undefined, cron_expression: '*/5 * * * *' })
    expect(schedule).toEqual({ kind: 'cron', expr: '*/5 * * * *', tz: 'UTC' })
  })
  rule('cron.create.runsAtOnceOnly', async () => {
    const { alice } = newTenant()
    const job = await create(alice, { schedule: { kind: 'at', atMs: Date.now() + 150 } })
    expect(job['deleteAfterRun']).toBe(true)
    await until(async () => ((await ask(alice, 'list'))['jobs'] as Body[]).length === 0)
    expect(
      agents.asked.filter(({ sessionKey = '' }: Body) => String(sessionKey).includes(job['id'] as string)).length,
    ).toBeLessThan(2)
  })
  rule('cron.create.refusesUnknownAgents', async () => {
    const { alice, bob, admin } = newTenant()
    await agents.request({ ...admin, userId: 'bob' }, 'POST', '/v1/agents', { agent_key: 'his' })
    await expect(create(alice, { agentId: 'nobody' })).rejects.toThrow(refused('INVALID_REQUEST'))
    await expect(create(alice, { agentId: 'his' })).rejects.toThrow(refused('FORBIDDEN'))
    expect((await create(bob, { agentId: 'his' }))['agentId']).toEqual(expect.any(String))
  })
  rule('cron.create.readsOlderNames', async () => {
    const { alice } = newTenant()
    const older = { message: undefined, payload: { message: 'inside' }, channel: 'news', to: '-100', deliver: true }
    expect(await create(alice, older)).toMatchObject({
      payload: { message: 'inside' },
      deliver: true,
      deliverChannel: 'news',
      deliverTo: '-100',
    })
  })
  rule('cron.create.isAudited', () => expectAudited('cronCreated', async () => undefined))
})

describe('cron.update', () => {
  const update = async (caller: Caller, job: Body, patch: object) =>
    (await ask(caller, 'update', { jobId: job['id'], patch }))['job'] as Body

  rule('cron.update.mergesTheSchedule', async () => {
    const { alice } = newTenant()
    const job = await create(alice, { schedule: { ...daily, tz: 'Asia/Tokyo' } })
    const moved = await update(alice, job, { schedule: { kind: 'cron', tz: 'Europe/Berlin' } })
    expect(moved['schedule']).toEqual({ kind: 'cron', expr: '0 9 * * *', tz: 'Europe/Berlin' })
    expect(moved['state'].nextRunAtMs).not.toBe(job['state'].nextRunAtMs)
    expect((await update(alice, job, { schedule: '0 8 * * *' }))['schedule']).toEqual({
      kind: 'cron',
      expr: '0 8 * * *',
      tz: 'UTC',
    })
    const other = await update(alice, job, { schedule: { kind: 'every', everyMs: hour } })
    expect(other['schedule']).toEqual({ kind: 'every', everyMs: hour })
    const renamed = await update(alice, job, { name: 'renamed' })
    expect([renamed['name'], renamed['state'].nextRunAtMs]).toEqual(['renamed', other['state'].nextRunAtMs])
  })
  rule('cron.update.refusesWhatNeverRuns', async () => {
    const { alice } = newTenant()
    const job = await create(alice)
    const past = { schedule: { kind: 'at', atMs: Date.now() - hour } }
    await expect(update(alice, job, past)).rejects.toThrow(refused('INVALID_REQUEST'))
    expect((await statusOf(alice, job['id'] as string))['schedule']).toEqual(daily)
    // Switched off it may be anything.
    expect(await update(alice, job, { ...past, enabled: false })).toMatchObject({ enabled: false, state: {} })
  })
  rule('cron.update.takesFlatPatches', async () => {
    const { alice } = newTenant()
    const { id } = await create(alice)
    const { job } = await ask(alice, 'update', { id, name: 'flat', deliver_to: '7' })
    expect(job).toMatchObject({ id, name: 'flat', deliverTo: '7', payload: { message: 'good morning' } })
  })
  rule('cron.update.clearsTheAgent', async () => {
    const { alice, admin } = newTenant()
    await agents.request({ ...admin, userId: 'alice' }, 'POST', '/v1/agents', { agent_key: 'helper' })
    const job = await create(alice, { agentId: 'helper' })
    expect(await update(alice, job, { agentId: '' })).not.toHaveProperty('agentId')
  })
  rule('cron.update.hidesOthers', () => expectHidden('update', { patch: { name: 'x' } }))
  rule('cron.update.isAudited', () => expectAudited('cronUpdated', (caller, job) => update(caller, job, { name: 'x' })))
})

describe('cron.delete', () => {
  rule('cron.delete.deletesTheLog', async () => {
    const { alice } = newTenant()
    const { id } = await create(alice)
    await ask(alice, 'run', { jobId: id })
    await logged(alice, id as string)
    expect(await ask(alice, 'delete', { jobId: id })).toEqual({ deleted: true })
    expect([(await ask(alice, 'list'))['jobs'], await runsOf(alice)]).toEqual([[], []])
  })
  rule('cron.delete.hidesOthers', () => expectHidden('delete'))
  rule('cron.delete.isAudited', () =>
    expectAudited('cronDeleted', (caller, { id }) => ask(caller, 'delete', { jobId: id })),
  )
})

describe('cron.toggle', () => {
  rule('cron.toggle.movesTheNextRun', async () => {
    const { alice } = newTenant()
    const { id, state } = await create(alice)
    await ask(alice, 'toggle', { jobId: id, enabled: false })
    expect(await statusOf(alice, id as string)).toMatchObject({ enabled: false, state: {} })
    expect((await statusOf(alice, id as string))['state']).not.toHaveProperty('nextRunAtMs')
    await ask(alice, 'toggle', { jobId: id, enabled: true })
    expect((await statusOf(alice, id as string))['state'].nextRunAtMs).toBe(state.nextRunAtMs)
    const over = await create(alice, { schedule: { kind: 'at', atMs: Date.now() + hour } })
    await ask(alice, 'update', { jobId: over['id'], enabled: false, schedule: { kind: 'at', atMs: 1 } })
    await expect(ask(alice, 'toggle', { jobId: over['id'], enabled: true })).rejects.toThrow(refused('INVALID_REQUEST'))
  })
  rule('cron.toggle.flipsWithoutAValue', async () => {
    const { alice } = newTenant()
    const { id: jobId } = await create(alice)
    expect(await ask(alice, 'toggle', { jobId })).toEqual({ jobId, enabled: false })
    expect(await ask(alice, 'toggle', { jobId })).toEqual({ jobId, enabled: true })
  })
  rule('cron.toggle.hidesOthers', () => expectHidden('toggle'))
  rule('cron.toggle.isAudited', () =>
    expectAudited('cronToggled', (caller, { id }) => ask(caller, 'toggle', { jobId: id })),
  )
})

describe('cron.status', () => {
  rule('cron.status.countsTheTenants', async () => {
    const { alice, bob } = newTenant()
    await create(newTenant().alice)
    const { id } = await create(alice)
    await create(bob)
    expect(await ask(alice, 'status')).toEqual({ enabled: true, jobs: 2 })
    await ask(alice, 'toggle', { jobId: id })
    expect(await ask(alice, 'status')).toEqual({ enabled: true, jobs: 1 })
  })
  rule('cron.status.showsAJob', async () => {
    const { alice } = newTenant()
    const job = await create(alice)
    expect(await statusOf(alice, job['id'] as string)).toEqual(job)
  })
  rule('cron.status.hidesOthers', () => expectHidden('status'))
})

describe('cron.run', () => {
  /** What a connection hears of a job. */
  const heard = (tenantId: string, jobId: string) => {
    const payloads: Body[] = []
    const stops = wsEventSources.flatMap(({ name, toMessage }) =>
      name === 'cronRun' || name === 'cronEnded'
        ? [
            agents.bus.subscribe(
              `mesh.events.${tenantId}.agents.cron.${name === 'cronRun' ? 'run' : 'ended'}`,
              (message) => {
                const { payload } = toMessage((message as { data: unknown }).data)
                if ((payload as Body)['jobId'] === jobId) payloads.push(payload as Body)
              },
            ),
          ]
        : [],
    )
    return { payloads, stop: () => stops.forEach((stop) => stop()) }
  }

  rule('cron.run.answersBeforeItRuns', async () => {
    const { alice } = newTenant()
    const job = await create(alice)
    const jobId = job['id'] as string
    const { payloads, stop } = heard(alice.tenantId, jobId)
    let answer = () => {}
    const mayAnswer = new Promise<void>((resolve) => (answer = resolve))
    agents.model = async function* () {
      await mayAnswer
      yield done({ content: 'at last' })
    }
    expect(await ask(alice, 'run', { jobId })).toEqual({ ok: true, ran: true })
    await until(async () => (await statusOf(alice, jobId))['state'].lastStatus === 'running')
    answer()
    expect(await logged(alice, jobId)).toMatchObject([
      { jobId, status: 'ok', summary: 'at last', inputTokens: 10, outputTokens: 5 },
    ])
    await until(async () => payloads.length === 2)
    stop()
    const about = { jobId, jobName: 'digest', userId: 'alice' }
    expect(payloads).toEqual([
      { action: 'running', ...about },
      { action: 'completed', status: 'ok', ...about },
    ])
  })
  rule('cron.run.runsOnce', async () => {
    const { alice } = newTenant()
    const { id } = await create(alice)
    const jobId = id as string
    await ask(alice, 'toggle', { jobId, enabled: false })
    let begun = 0
    let answer = () => {}
    const mayAnswer = new Promise<void>((resolve) => (answer = resolve))
    agents.model = async function* () {
      begun++
      await mayAnswer
      yield done({ content: 'once' })
    }
    await ask(alice, 'run', { jobId })
    await until(async () => begun === 1)
    await Promise.all([ask(alice, 'run', { jobId }), ask(alice, 'run', { jobId })])
    await sleep(100)
    answer()
    await logged(alice, jobId)
    await sleep(100)
    expect([begun, (await runsOf(alice, { jobId })).length]).toEqual([1, 1])
    expect(await statusOf(alice, jobId)).toMatchObject({ enabled: false, state: { lastStatus: 'ok' } })
  })
  rule('cron.run.isTraced', async () => {
    const { alice } = newTenant()
    const { id } = await create(alice)
    await ask(alice, 'run', { jobId: id })
    const { data } = await agents.auditOf(alice.tenantId, 'runEnded')
    expect(data).toMatchObject({ trace: { name: 'Cron [digest] - default', tags: ['cron'], channel: 'cron' } })
    // A name of its own makes it no less of a run, where runs are counted.
    expect(agents.asked.at(-1)!.spender).toMatchObject({ beginsRun: true })
  })
  rule('cron.run.keepsTheSchedule', async () => {
    const { alice } = newTenant()
    const { id, state } = await create(alice, { schedule: { kind: 'every', everyMs: hour } })
    await ask(alice, 'run', { jobId: id })
    await logged(alice, id as string)
    expect((await statusOf(alice, id as string))['state'].nextRunAtMs).toBe(state.nextRunAtMs)
  })
  rule('cron.run.hidesOthers', () => expectHidden('run', {}, 'INVALID_REQUEST'))
  rule('cron.run.isAudited', () => expectAudited('cronRun', (caller, { id }) => ask(caller, 'run', { jobId: id })))
})

describe('cron.runs', () => {
  const withRuns = async (caller: Caller, count: number) => {
    const { id } = await create(caller)
    for (let at = 1; at <= count; at++) {
      agents.model = async function* () {
        yield done({ content: `answer ${at}` })
      }
      await ask(caller, 'run', { jobId: id })
      await logged(caller, id as string, at)
    }
    return id as string
  }

  rule('cron.runs.listsNewestFirst', async () => {
    const { alice } = newTenant()
    const jobId = await withRuns(alice, 3)
    const page = await ask(alice, 'runs', { jobId, limit: 2, offset: 1 })
    expect(page['total']).toBe(3)
    expect((page['entries'] as Body[]).map(({ summary }) => summary as string)).toEqual(['answer 2', 'answer 1'])
    expect((await runsOf(alice, { jobId, limit: 1_000 })).length).toBe(3)
  })
  rule('cron.runs.showsOwnJobs', async () => {
    const { alice, bob, admin } = newTenant()
    const [hers, his] = [await withRuns(alice, 1), await withRuns(bob, 1)]
    const jobs = async (caller: Caller, params: object = {}) =>
      (await runsOf(caller, params)).map(({ jobId }) => jobId as string).sort()
    expect(await jobs(alice)).toEqual([hers])
    expect(await jobs(admin)).toEqual([hers, his].sort())
    expect(await jobs(bob, { jobId: hers })).toEqual([])
  })
  rule('cron.logs.isTheSame', async () => {
    const { alice } = newTenant()
    const jobId = await withRuns(alice, 1)
    expect(await ask(alice, 'logs', { jobId })).toEqual(await ask(alice, 'runs', { jobId }))
  })
})

describe('a job that is due', () => {
  rule('cron.create.beginsOnce', async () => {
    const { alice } = newTenant()
    const { id } = await create(alice, { message: 'begun elsewhere' })
    const askedBefore = agents.asked.length
    await changeRow(
      id as string,
      `claim = gen_random_uuid(), claimed_until = now() - interval '1 second', begun_at = now(), last_run_at = now(),
       last_status = 'running', next_run_at = now() - interval '1 second'`,
    )
    expect(await logged(alice, id as string)).toMatchObject([{ status: 'error', error: 'interrupted' }])
    expect(await statusOf(alice, id as string)).toMatchObject({ enabled: true, state: { lastStatus: 'interrupted' } })
    const said = agents.asked.slice(askedBefore).map(({ messages }) => messages.at(-1)!.content)
    expect(said).not.toContain('begun elsewhere')
  })

  rule('cron.create.catchesUpOnce', async () => {
    const { alice } = newTenant()
    const { id } = await create(alice, { schedule: { kind: 'every', everyMs: hour } })
    await makeDue(id as string, 5)
    await logged(alice, id as string)
    await sleep(100)
    expect((await runsOf(alice, { jobId: id })).length).toBe(1)
    const { nextRunAtMs } = (await statusOf(alice, id as string))['state'] as { nextRunAtMs: number }
    expect(nextRunAtMs).toBeGreaterThan(Date.now())
    expect(nextRunAtMs).toBeLessThanOrEqual(Date.now() + hour)
  })

  it.each([
    ['is tried again when that may help', new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'provider' }), 4],
    ['is not tried again when it cannot help', new MeshError('FAILED_PRECONDITION', 'error.api_key_ended', {}), 1],
  ])(ruleName('cron.create.triesAgain', '%s'), async (_what, failure, tries) => {
    const { alice } = newTenant()
    const { id } = await create(alice)
    let asked = 0
    agents.model = async function* () {
      asked++
      if (asked < 0) yield text('')
      throw failure
    }
    await makeDue(id as string)
    expect(await logged(alice, id as string)).toMatchObject([{ status: 'error', error: expect.any(String) }])
    expect(asked).toBe(tries)
    expect(await statusOf(alice, id as string)).toMatchObject({ enabled: true, state: { lastStatus: 'error' } })
  })

  rule('cron.create.sendsTheAnswer', async () => {
    const { alice } = newTenant()
    const news = { deliverChannel: 'news', deliverTo: '-100' }
    const { id } = await create(alice, { deliver: true, ...news })
    await makeDue(id as string)
    await logged(alice, id as string)
    expect(agents.sentTexts.at(-1)).toEqual({ channel: 'news', chatId: '-100', text: 'echo: good morning' })
    expect(agents.asked.at(-1)!.messages[0]!.content).toContain('the channel news')

    const long = await create(alice, { name: 'long', message: 'é'.repeat(20_000), deliver: true, ...news })
    await makeDue(long['id'] as string)
    const [{ summary } = {}] = await logged(alice, long['id'] as string)
    expect(agents.sentTexts.at(-1)!.text).toHaveLength(20_006)
    expect(Buffer.byteLength(summary as string)).toBeLessThanOrEqual(16_384)
    expect((summary as string).length).toBeGreaterThan(5_000)

    const closed = await create(alice, { name: 'closed', deliver: true, ...news, deliverChannel: closedChannel })
    await makeDue(closed['id'] as string)
    const failed = { status: 'error', error: expect.any(String), summary: 'echo: good morning' }
    expect(await logged(alice, closed['id'] as string)).toMatchObject([failed])
  })

  rule('cron.create.remembersNothing', async () => {
    const { alice } = newTenant()
    for (const stateless of [true, false]) {
      const { id } = await create(alice, { stateless })
      for (const count of [1, 2]) {
        await ask(alice, 'run', { jobId: id })
        await logged(alice, id as string, count)
      }
      expect(agents.asked.at(-1)!.messages.map(({ role }) => role)).toEqual(['system', 'user'])
      const { sessions } = (await agents.request<Body>(alice, 'GET', '/v1/sessions')).body
      const keys = (sessions as Body[]).map(({ key }) => key as string).filter((key) => key.includes(id as string))
      expect(keys).toEqual(stateless ? [] : [`agent:default:cron:${id as string}`])
    }
  })

  it(ruleName('cron.create.refusesUnknownAgents', 'one that went away later is an error of the run'), async () => {
    const { alice, admin } = newTenant()
    const owner = { ...admin, userId: 'alice' }
    await agents.request(owner, 'POST', '/v1/agents', { agent_key: 'helper' })
    const { id } = await create(alice, { agentId: 'helper' })
    await agents.request(owner, 'PUT', '/v1/agents/helper', { status: 'inactive' })
    await makeDue(id as string)
    expect(await logged(alice, id as string)).toMatchObject([{ status: 'error' }])
  })
})
