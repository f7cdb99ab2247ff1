/** What the agents service knows of work at set times. */
import type { ws } from '@clawmesh/contracts'
import type { RequestShape } from '@clawmesh/chassis'
import type { Usage } from '../runs/types.ts'
import type { Schedule } from './schedule.ts'

type Methods = typeof ws.cron.methods

export type CronInput = RequestShape<Methods['cron.create']['params']>
export type CronPatch = NonNullable<RequestShape<Methods['cron.update']['params']>['patch']>

/** What of a job people decide. */
export interface CronFields {
  /** Absent where the default agent does it. */
  agentId: string | null
  name: string
  enabled: boolean
  schedule: Schedule
  message: string
  deleteAfterRun: boolean
  stateless: boolean
  deliver: boolean
  deliverChannel: string
  deliverTo: string
  wakeHeartbeat: boolean
}

export interface CronJob extends CronFields {
  id: string
  tenantId: string
  userId: string
  nextRunAt: Date | null
  lastRunAt: Date | null
  lastStatus: string | null
  lastError: string | null
  createdAt: Date
  updatedAt: Date
}

/** What came of one run of a job. */
export interface CronRun {
  jobId: string
  ranAt: Date
  status: 'ok' | 'error'
  error: string | null
  summary: string | null
  durationMs: number
  inputTokens: number
  outputTokens: number
}

/** How the work for a job ended. */
export interface CronOutcome {
  status: 'ok' | 'error' | 'interrupted'
  error?: string | undefined
  /** What the agent answered. */
  summary?: string | undefined
  usage?: Usage | undefined
  durationMs: number
}

/** A job that this replica works on. */
export interface ClaimedJob extends CronJob {
  claim: string
}
