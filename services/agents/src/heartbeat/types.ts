/** What the agents service knows of heartbeats. */
import type { ws } from '@clawmesh/contracts'
import type { RequestShape } from '@clawmesh/chassis'
import type { Usage } from '../runs/types.ts'

export type HeartbeatInput = Omit<RequestShape<(typeof ws.heartbeats.methods)['heartbeat.set']['params']>, 'agentId'>

/** What of a heartbeat people decide; an empty text is none. */
export interface HeartbeatFields {
  userId: string
  enabled: boolean
  intervalSec: number
  prompt: string
  providerName: string
  model: string
  isolatedSession: boolean
  lightContext: boolean
  ackMaxChars: number
  maxRetries: number
  activeHoursStart: string
  activeHoursEnd: string
  timezone: string
  channel: string
  chatId: string
}

export interface Heartbeat extends HeartbeatFields {
  id: string
  tenantId: string
  agentId: string
  nextRunAt: Date | null
  lastRunAt: Date | null
  lastStatus: string | null
  lastError: string | null
  runCount: number
  suppressCount: number
  createdAt: Date
  updatedAt: Date
}

export type SkipReason = 'active_hours' | 'queue_busy' | 'empty_checklist'

export interface HeartbeatOutcome {
  status: 'ok' | 'suppressed' | 'error' | 'skipped'
  error?: string | undefined
  /** What the agent answered. */
  summary?: string | undefined
  skipReason?: SkipReason | undefined
  usage?: Usage | undefined
  durationMs: number
}

/** One that this replica works on. */
export interface ClaimedHeartbeat extends Heartbeat {
  claim: string
  /** Who wants it before its time. */
  asked: 'test' | 'wake' | null
}

export interface HeartbeatRun {
  id: string
  heartbeatId: string
  agentId: string
  status: 'ok' | 'suppressed' | 'error' | 'skipped'
  summary: string | null
  error: string | null
  skipReason: SkipReason | null
  durationMs: number
  inputTokens: number
  outputTokens: number
  ranAt: Date
  createdAt: Date
}

export interface DeliveryTarget {
  channel: string
  chatId: string
  title: string
  kind: 'group' | 'topic'
}
