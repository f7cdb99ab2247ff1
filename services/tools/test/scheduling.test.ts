import { contextWith } from './context.ts'
import { runTool, toolRefusal } from './run-tool.ts'

/** A caller whose schedules answer one thing, and what they were asked. */
const withSchedules = (answer: unknown = {}) => {
  const asked: [operation: string, params: object][] = []
  const schedules = {
    manage: async (operation: string, params: object) => {
      asked.push([operation, params])
      return answer
    },
  }
  return { asked, context: contextWith({ schedules }) }
}

const job = { name: 'digest', schedule: { kind: 'at', at: '2026-11-28T09:00:00+01:00' }, message: 'good morning' }
const stored = {
  id: 'job-1',
  tenantId: 'tenant-1',
  name: 'digest',
  enabled: true,
  schedule: { kind: 'every', everyMs: 60_000 },
  payload: { kind: 'agent_turn', message: 'm'.repeat(1_000) },
  state: { nextRunAtMs: 0, lastStatus: 'ok' },
}

describe('cron', () => {
  test.each([
    [{ action: 'status' }, 'cron.status', {}],
    [{ action: 'list', includeDisabled: true }, 'cron.list', { includeDisabled: true }],
    [
      { action: 'add', job },
      'cron.create',
      { ...job, schedule: { kind: 'at', atMs: Date.parse('2026-11-28T08:00:00Z') } },
    ],
    [
      { action: 'update', id: 'job-1', patch: { enabled: false } },
      'cron.update',
      { jobId: 'job-1', patch: { enabled: false } },
    ],
    [{ action: 'remove', jobId: 'job-1' }, 'cron.delete', { jobId: 'job-1' }],
    [{ action: 'run', jobId: 'job-1', runMode: 'force' }, 'cron.run', { jobId: 'job-1', mode: 'force' }],
    [{ action: 'runs' }, 'cron.runs', { limit: 20 }],
  ])('%j', async (args, operation, params) => {
    const { asked, context } = withSchedules()
    await runTool('cron', args, context)
    expect(asked).toEqual([[operation, params]])
  })

  test('shows of jobs what helps, with times that can be read and the beginnings of texts', async () => {
    const { context } = withSchedules({ jobs: [stored], status: { enabled: true, jobs: 1 } })
    expect(JSON.parse((await runTool('cron', { action: 'list' }, context)).output)).toEqual({
      jobs: [
        {
          id: 'job-1',
          name: 'digest',
          enabled: true,
          schedule: stored.schedule,
          message: 'm'.repeat(300),
          nextRunAt: '1970-01-01T00:00:00.000Z',
          lastStatus: 'ok',
        },
      ],
    })
  })

  test('says what is missing, and asks nobody', async () => {
    const { asked, context } = withSchedules()
    expect(await toolRefusal('cron', { action: 'add' }, context)).toContain('add needs job')
    expect(await toolRefusal('cron', { action: 'remove' }, context)).toContain('remove needs jobId')
    expect(await toolRefusal('cron', { action: 'list' }, contextWith())).toContain('needs an agent')
    expect(asked).toEqual([])
  })
})

describe('heartbeat', () => {
  test.each([
    [{ action: 'status' }, 'heartbeat.get', {}],
    [
      { action: 'set', enabled: true, interval: 600, active_hours: '08:00-20:00', chat_id: '42' },
      'heartbeat.set',
      { enabled: true, intervalSec: 600, activeHoursStart: '08:00', activeHoursEnd: '20:00', chat_id: '42' },
    ],
    [{ action: 'set', active_hours: '' }, 'heartbeat.set', { activeHoursStart: '', activeHoursEnd: '' }],
    [{ action: 'toggle', enabled: false }, 'heartbeat.toggle', { enabled: false }],
    [{ action: 'set_checklist', content: '- mail' }, 'heartbeat.checklist.set', { content: '- mail' }],
    [{ action: 'get_checklist' }, 'heartbeat.checklist.get', {}],
    [{ action: 'test' }, 'heartbeat.test', {}],
    [{ action: 'logs' }, 'heartbeat.logs', { limit: 10 }],
  ])('%j', async (args, operation, params) => {
    const { asked, context } = withSchedules()
    await runTool('heartbeat', args, context)
    expect(asked).toEqual([[operation, params]])
  })

  test('refuses hours that are none', async () => {
    const { context } = withSchedules()
    expect(await toolRefusal('heartbeat', { action: 'set', active_hours: 'all day' }, context)).toContain('08:00-20:00')
  })
})
