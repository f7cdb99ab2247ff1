import { implementWs } from '@clawmesh/chassis'
import { ws } from '@clawmesh/contracts'
import type { CronJob, CronRun } from './types.ts'
import type { CronUseCases } from './use-cases.ts'

type Status = 'ok' | 'error' | 'running' | 'interrupted'

const shown = (job: CronJob) => ({
  ...job,
  agentId: job.agentId ?? undefined,
  payload: { kind: 'agent_turn' as const, message: job.message },
  state: {
    ...(job.nextRunAt === null ? {} : { nextRunAtMs: job.nextRunAt.getTime() }),
    ...(job.lastRunAt === null ? {} : { lastRunAtMs: job.lastRunAt.getTime() }),
    ...(job.lastStatus === null ? {} : { lastStatus: job.lastStatus as Status }),
    ...(job.lastError === null ? {} : { lastError: job.lastError }),
  },
  createdAtMs: job.createdAt.getTime(),
  updatedAtMs: job.updatedAt.getTime(),
})

const shownRun = ({ ranAt, error, summary, ...run }: CronRun) => ({
  ...run,
  ts: ranAt.getTime(),
  ...(error === null ? {} : { error }),
  ...(summary === null ? {} : { summary }),
})

export const createCronWs = (cron: CronUseCases) => {
  const statusOf = async (caller: Parameters<CronUseCases['list']>[0]) => ({
    enabled: true,
    jobs: await cron.countEnabled(caller),
  })
  const runs = async ({
    caller,
    params,
  }: {
    caller: Parameters<CronUseCases['runs']>[0]
    params: { jobId?: string | undefined; limit: number; offset: number }
  }) => {
    const { entries, total } = await cron.runs(caller, { ...params, jobId: params.jobId })
    return { entries: entries.map(shownRun), total }
  }

  return implementWs(ws.cron)({
    'cron.list': async ({ caller, params }) => ({
      jobs: (await cron.list(caller, params)).map(shown),
      status: await statusOf(caller),
    }),
    'cron.create': async ({ call, params }) => ({ job: shown(await cron.create(call, params)) }),
    'cron.update': async ({ call, params: { jobId, patch, ...flat } }) => ({
      job: shown(await cron.update(call, jobId, { ...flat, ...patch })),
    }),
    'cron.delete': async ({ call, params }) => {
      await cron.remove(call, params.jobId)
      return { deleted: true }
    },
    'cron.toggle': async ({ call, params: { jobId, enabled } }) => {
      const job = await cron.toggle(call, jobId, enabled)
      return { jobId, enabled: job.enabled }
    },
    'cron.status': async ({ caller, params: { jobId } }) =>
      jobId === undefined ? statusOf(caller) : shown(await cron.get(caller, jobId)),
    'cron.run': async ({ call, params }) => {
      await cron.runNow(call, params.jobId)
      return { ok: true, ran: true }
    },
    'cron.runs': runs,
    'cron.logs': runs,
  })
}
