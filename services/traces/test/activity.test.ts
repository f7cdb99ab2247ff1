/** The activity log over a real database, fed by the events of other services. */
import { setTimeout as sleep } from 'node:timers/promises'
import { newId } from '@clawmesh/chassis'
import {
  auditActions,
  events,
  eventSubject,
  eventType,
  type Caller,
  type CloudEvent,
  type EventName,
} from '@clawmesh/contracts'
import { activityIntake } from '../src/activity/events.ts'
import { dayOf, monthOf } from '../src/partitions/calendar.ts'
import { createPartitionKeeper } from '../src/partitions/use-cases.ts'
import { activityPartitions, createPartitionRows } from '../src/partitions/rows.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { changeOf, makeTenant, startTraces, reportOf, rowOf, type Told, type TracesHarness } from './support.ts'

let traces: TracesHarness
beforeAll(async () => {
  traces = await startTraces()
})
afterAll(() => traces.stop())

const logs = async (caller: Caller, query = '') => (await traces.activity(caller, query)).logs
const auditNames = (Object.keys(events) as EventName[]).filter((name) => auditActions.has(eventType(name)))
const pool = () => traces.mesh.database('traces').pool

describe('an event that tells of a change', () => {
  rule('listActivity.showsNoDetailsAsNull', async () => {
    const { admin, tenantId } = makeTenant()
    const reported = changeOf('agentCreated', tenantId, { id: newId(), actorId: 'alice', ipAddress: '2001:db8::7' })
    await traces.tell(reported)
    expect(await logs(admin)).toEqual([
      {
        id: reported.event.id,
        actor_type: 'user',
        actor_id: 'alice',
        action: 'agent.created',
        entity_type: 'agent',
        entity_id: (reported.event.data as { id: string }).id,
        details: null,
        ip_address: '2001:db8::7',
        created_at: reported.event.time,
      },
    ])
  })

  it('need not say from where, and whatever else it says are the details, secrets masked', async () => {
    const { admin, tenantId } = makeTenant()
    const reported = changeOf('agentUpdated', tenantId, { actorId: 'system' })
    const data = { ...(reported.event.data as object), role: 'admin', api_key: 'sk-abcdefghijklmnopqrstuvwxyz' }
    await traces.tell({ ...reported, event: { ...reported.event, data } })
    const [log] = await logs(admin)
    expect(log).toMatchObject({ actor_id: 'system', details: { role: 'admin' } })
    expect(log).not.toHaveProperty('ip_address')
    expect(JSON.stringify(log)).not.toContain('abcdefghij')
  })

  it.each(auditNames)('is recorded: %s', async (name) => {
    const { admin, tenantId } = makeTenant()
    await traces.tell(changeOf(name, tenantId, { id: 'thing' }))
    const action = auditActions.get(eventType(name))
    expect(await logs(admin)).toMatchObject([{ action, entity_type: action!.split('.')[0], entity_id: 'thing' }])
  })

  it('is called as the contract calls it', () => {
    expect([...auditActions.values()]).toEqual(
      expect.arrayContaining([
        ...['agent.created', 'agent.updated', 'agent.deleted', 'session.patched', 'session.reset', 'session.deleted'],
        ...['provider.created', 'provider.updated', 'provider.deleted', 'builtin_tool.updated', 'tool.invoked'],
        ...['channel_instance.created', 'channel_instance.updated', 'channel_instance.deleted'],
        ...['api_key.created', 'api_key.revoked', 'tenant.created', 'tenant.updated'],
        ...['heartbeat.set', 'heartbeat.toggled', 'heartbeat.test', 'exec.approved', 'system_config.set'],
      ]),
    )
  })

  it.each([
    ['allow-once', 'exec.approved'],
    ['allow-always', 'exec.approved'],
    ['deny', 'exec.denied'],
  ])('of a command is called after what was decided: %s', async (decision, action) => {
    const { admin, tenantId } = makeTenant()
    const reported = changeOf('execApprovalDecided', tenantId)
    const data = { ...(reported.event.data as object), decision }
    await traces.tell({ ...reported, event: { ...reported.event, data } })
    expect(await logs(admin)).toMatchObject([{ action, entity_type: 'exec', details: { decision } }])
  })
})

it('is not even woken by events that tell of no change', () => {
  expect(activityIntake(async () => undefined).events.toSorted()).toEqual(auditNames.toSorted())
  expect(auditNames).not.toContain('runEnded')
})

it('events that tell of no change leave nothing', async () => {
  const { admin, tenantId } = makeTenant()
  const finished = changeOf('agentCreated', tenantId)
  await traces.tell(reportOf(tenantId), {
    subject: eventSubject('runEnded', tenantId),
    event: { ...finished.event, type: eventType('runEnded') },
  })
  expect(await logs(admin)).toEqual([])
})

describe('the intake', () => {
  it('records each event once, however often and in whatever order it comes', async () => {
    const { admin, tenantId } = makeTenant()
    const reported = Array.from({ length: 250 }, () => changeOf('providerUpdated', tenantId))
    await Promise.all([
      traces.tell(...reported),
      traces.tell(...reported.toReversed()),
      traces.tell(...reported, ...reported),
    ])
    expect((await traces.activity(admin)).total).toBe(250)
  })

  it('takes the others of a batch with unreadable events, which end with the dead ones', async () => {
    const { admin, tenantId } = makeTenant()
    const bad = (change: Partial<CloudEvent>): Told => {
      const { subject, event } = changeOf('agentCreated', tenantId)
      return { subject, event: { ...event, ...change } }
    }
    await traces.tell(
      changeOf('agentCreated', tenantId),
      bad({ id: 'odd' }),
      bad({ tenantid: 'nobody' }),
      bad({ time: 'yesterday' }),
      bad({ time: '0001-01-01T00:00:00Z' }),
      bad({ data: null }),
      bad({ data: { id: 'x' } }),
      bad({ data: { id: 'a\0b\uD800', actorId: 'x'.repeat(1_000), ipAddress: 'y'.repeat(1_000) } }),
      changeOf('agentCreated', tenantId),
    )
    const found = await logs(admin)
    expect(found).toHaveLength(3)
    expect(found.map(({ entity_id }) => entity_id)).toContain('a\uFFFDb\uFFFD')
    expect(await traces.dead('traces-activity', tenantId)).toHaveLength(6)
  })

  it('leaves out only the record that the database refuses, which comes again', async () => {
    const { admin, tenantId } = makeTenant()
    await pool().query(`ALTER TABLE traces.activity_logs ADD CONSTRAINT refused CHECK (entity_id <> 'refused')`)
    try {
      const reported = ['a', 'b', 'refused', 'c'].map((id) => changeOf('agentCreated', tenantId, { id }))
      expect(await traces.bus.publishDurable(reported.map(rowOf))).toMatchObject([{ id: reported[2]!.event.id }])
    } finally {
      await pool().query('ALTER TABLE traces.activity_logs DROP CONSTRAINT refused')
    }
    expect((await logs(admin)).map(({ entity_id }) => entity_id).sort()).toEqual(['a', 'b', 'c'])
  })

  it('waits while the table is away, and counts nothing against the events', async () => {
    const { admin, tenantId } = makeTenant()
    const reported = changeOf('agentCreated', tenantId)
    await pool().query('ALTER TABLE traces.activity_logs RENAME TO away')
    try {
      expect(await traces.bus.publishDurable([rowOf(reported)])).toMatchObject([{ id: reported.event.id }])
    } finally {
      await pool().query('ALTER TABLE traces.away RENAME TO activity_logs')
    }
    for (let left = 1; left > 0; left = (await traces.bus.publishDurable([rowOf(reported)])).length) await sleep(50)
    expect((await traces.activity(admin)).total).toBe(1)
    expect(await traces.dead('traces-activity', tenantId)).toEqual([])
  })
})

describe('listing', () => {
  const { admin, viewer, tenantId } = makeTenant()
  const at = (minute: number) => new Date(Date.now() - (60 - minute) * 60_000).toISOString()
  const reported: [EventName, string, string][] = [
    ['agentCreated', 'a1', 'alice'],
    ['agentUpdated', 'a1', 'bob'],
    ['agentCreated', 'a2', 'bob'],
    ['providerCreated', 'a1', 'alice'],
    ['sessionReset', 'agent:a1:s', 'alice'],
    ['agentDeleted', 'a2', 'system'],
  ]
  beforeAll(async () => {
    await traces.tell(
      ...reported.map(([name, id, actorId], index) => changeOf(name, tenantId, { id, actorId }, at(index))),
      changeOf('agentCreated', makeTenant().tenantId, { id: 'a1', actorId: 'alice' }),
    )
  })
  /** Indexes of what was told. */
  const found = async (query: string, caller = admin) =>
    (await logs(caller, query)).map(({ action, entity_id, actor_id }) =>
      reported.findIndex(
        ([name, id, actorId]) =>
          auditActions.get(eventType(name)) === action && id === entity_id && actorId === actor_id,
      ),
    )

  rule('listActivity.ordersByTime', async () => {
    expect(await found('')).toEqual([5, 4, 3, 2, 1, 0])
  })

  rule('listActivity.countsAllMatches', async () => {
    expect(await found('?limit=2&offset=1')).toEqual([4, 3])
    expect(await traces.activity(admin, '?limit=2&offset=5')).toMatchObject({ total: 6, limit: 2, offset: 5 })
    expect(await traces.activity(admin, '?offset=9007199254740991')).toMatchObject({ logs: [], total: 6 })
  })

  it.each([
    ['?actor_type=user', [5, 4, 3, 2, 1, 0]],
    ['?actor_type=robot', []],
    ['?actor_id=bob', [2, 1]],
    ['?action=agent.created', [2, 0]],
    ['?action=agent', []],
    ['?entity_type=agent', [5, 2, 1, 0]],
    ['?entity_id=a1', [3, 1, 0]],
    ['?entity_id=agent%3Aa1%3As', [4]],
    ['?entity_type=agent&entity_id=a1&actor_id=alice', [0]],
    ['?actor_id=ALICE', []],
    ["?action=agent.created'%20OR%20'1'='1", []],
  ])(ruleName('listActivity.matchesExactly', '%s'), async (query, expected) => {
    expect(await found(query)).toEqual(expected)
    expect((await traces.activity(admin, query)).total).toBe(expected.length)
  })

  it.each(['?actor_id=', `?action=${'x'.repeat(101)}`])(
    ruleName('listActivity.matchesExactly', 'nothing is asked for by %s'),
    async (query) => {
      expect(await traces.activity(admin, query)).toMatchObject({ total: 6, limit: 50, offset: 0 })
    },
  )

  rule('listActivity.capsThePage', async () => {
    const statusOf = async (query: string) => (await traces.request(admin, 'GET', `/v1/activity${query}`)).status
    expect(await traces.activity(admin, '?limit=201')).toMatchObject({ total: 6, limit: 200 })
    expect(await traces.activity(admin, '?offset=-1')).toMatchObject({ limit: 50, offset: 0 })
    for (const limit of ['0', '-1', 'many', '']) expect(await statusOf(`?limit=${limit}`)).toBe(400)
  })

  rule('listActivity.showsOwnChangesOnly', async () => {
    expect(await found('?actor_id=alice', viewer('bob'))).toEqual([2, 1])
    expect(await found('', { ...viewer('alice'), role: 'operator' })).toEqual([4, 3, 0])
    expect(await traces.activity(viewer(''))).toEqual({ logs: [], total: 0, limit: 50, offset: 0 })
  })

  it('shows no other tenant anything, whatever it asks for', async () => {
    const other = makeTenant()
    for (const query of ['', '?entity_id=a1', '?actor_id=alice', `?tenant_id=${tenantId}`])
      for (const caller of [other.admin, other.viewer('alice'), { ...other.admin, role: 'owner' as const }])
        expect(await traces.activity(caller, query)).toMatchObject({ logs: [], total: 0 })
  })

  it('keeps tenants apart even where an event has the same id', async () => {
    const [one, two] = [makeTenant(), makeTenant()]
    const { subject, event } = changeOf('agentCreated', one.tenantId, { id: 'one' })
    const copy = { ...event, tenantid: two.tenantId, data: { id: 'two', actorId: 'bob' } }
    await traces.tell({ subject, event }, { subject, event: copy })
    expect(await logs(one.admin)).toMatchObject([{ id: event.id, entity_id: 'one' }])
    expect(await logs(two.admin)).toMatchObject([{ id: event.id, entity_id: 'two' }])
  })

  it('refuses a NUL', async () => {
    expect((await traces.request(admin, 'GET', '/v1/activity?actor_id=%00')).status).toBe(400)
  })
})

describe('partitions', () => {
  const dayMs = 24 * 3_600_000
  const placeOf = async ({ event }: Told) =>
    (
      await pool().query<{ name: string }>(
        'SELECT tableoid::regclass::text AS name FROM traces.activity_logs WHERE id = $1',
        [event.id],
      )
    ).rows.map(({ name }) => name)
  const nameOf = (month: string) => `traces.activity_logs_p${month.replaceAll('-', '')}`

  it('are months, dropped as a whole once every record in them is older than the retention', async () => {
    const { admin, tenantId } = makeTenant()
    const lastMonth = new Date(Date.parse(monthOf(Date.now())) - 10 * dayMs).toISOString()
    const [young, old, ancient] = [
      changeOf('agentCreated', tenantId),
      changeOf('agentCreated', tenantId, {}, lastMonth),
      changeOf('agentCreated', tenantId, {}, '2001-02-03T04:05:06.000Z'),
    ]
    await traces.tell(young, old, ancient)
    expect(await placeOf(young)).toEqual([nameOf(monthOf(Date.now()))])
    expect(await placeOf(old)).toEqual([nameOf(monthOf(lastMonth))])
    expect(await placeOf(ancient)).toEqual(['traces.activity_logs_default'])

    const store = createPartitionRows(traces.mesh.database('traces'), activityPartitions)
    const keeper = createPartitionKeeper(store, 30, traces.mesh.log)
    const monthEnd = Date.parse(monthOf(Date.now()))
    await keeper.sweep(monthEnd + 30 * dayMs - 1)
    expect((await traces.activity(admin)).total).toBe(2)
    await keeper.sweep(monthEnd + 30 * dayMs)
    expect((await logs(admin)).map(({ id }) => id)).toEqual([young.event.id])
    expect(await store.periods()).not.toContain(monthOf(lastMonth))
    expect(await store.periods()).toContain(monthOf(Date.now()))
    await expect(store.create(dayOf('2026-11-02'))).rejects.toThrow('no period')
  })
})
