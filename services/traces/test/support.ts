/** Events as agents would send them, and a harness around the traces service. */
import { createDeadEvents, loadConfigs, newId, outboxRow, type DeadEventSummary, type Mesh } from '@clawmesh/chassis'
import {
  eventSubject,
  eventType,
  type Caller,
  type CloudEvent,
  type EventData,
  type EventName,
  type http,
} from '@clawmesh/contracts'
import type { z } from 'zod'
import { outgoing } from '../../../test/support/events.ts'
import { StatusServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/status.ts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { tracesConfig, tracesService } from '../src/index.ts'
import { fakeRpc } from '../../../test/support/fake-rpc.ts'
import {
  startServices,
  testCaller,
  type HarnessOptions,
  type ServiceHarness,
} from '../../../test/support/service-harness.ts'

type Detail = z.output<(typeof http.traces.operations.getTrace.response)[200]>
type Trace = Detail['trace']
type Span = Detail['spans'][number]
export type ActivityPage = z.output<(typeof http.activity.operations.listActivity.response)[200]>

export type Recorded = EventData<'runEnded'>
export type RecordedTrace = Recorded['trace']
export type RecordedSpan = Recorded['spans'][number]

/** An event as a test looks at it. */
export interface Told {
  subject: string
  event: CloudEvent
}

/** The same as a relay publishes it. */
export const rowOf = ({ subject, event }: Told) => outgoing(subject, event)

const dayMs = 24 * 3_600_000
export const daysAgo = (days: number): string => new Date(Date.now() - days * dayMs).toISOString()

export const makeSpan = (fields: Partial<RecordedSpan> = {}): RecordedSpan => ({
  id: newId(),
  span_type: 'llm_call',
  start_time: daysAgo(0),
  end_time: daysAgo(0),
  status: 'completed',
  ...fields,
})

/** One model call that costs 0.0125 dollars. */
export const pricedCall = (fields: Partial<RecordedSpan> = {}): RecordedSpan =>
  makeSpan({ provider: 'openai', model: 'gpt-4o', input_tokens: 1_000, output_tokens: 1_000, ...fields })
export const callCost = 0.0125

export const makeTrace = (fields: Partial<RecordedTrace> = {}): RecordedTrace => ({
  id: newId(),
  start_time: daysAgo(0),
  end_time: daysAgo(0),
  status: 'completed',
  created_at: daysAgo(0),
  ...fields,
})

/** The event of a run that ended, which tells of its trace. `time` is when it is published. */
export const reportOf = (
  tenantId: string,
  trace: Partial<RecordedTrace> = {},
  spans: RecordedSpan[] = [pricedCall()],
  time?: string,
): Told => {
  const run = { runId: newId(), agentId: newId(), sessionKey: 'agent:default:main', userId: 'alice' }
  const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0, thinkingTokens: 0 }
  const { subject, payload } = outboxRow('runEnded', tenantId, {
    ...run,
    status: 'completed',
    usage,
    trace: makeTrace(trace),
    spans,
  })
  const event = JSON.parse(payload) as CloudEvent
  return { subject, event: { ...event, ...(time === undefined ? {} : { time }) } }
}

/** The event that tells of a change. `time` is when it was made. */
export const changeOf = (
  name: EventName,
  tenantId: string,
  data: { id?: string; actorId?: string; ipAddress?: string } = {},
  time = new Date().toISOString(),
): Told => {
  const { payload } = outboxRow('agentCreated', tenantId, { id: newId(), actorId: 'alice', ...data })
  const event = JSON.parse(payload) as CloudEvent
  return {
    subject: eventSubject(name, tenantId),
    event: { ...event, type: eventType(name), time },
  }
}

/** An event with data that no declaration would let pass. */
export const badEvent = (tenantId: string, data: unknown): Told => {
  const { subject, event } = reportOf(tenantId)
  return { subject, event: { ...event, data } }
}

export interface TracesHarness extends ServiceHarness {
  tell: (...events: Told[]) => Promise<void>
  /** The dead events of a consumer under a tenant's subjects. */
  dead: (consumer: string, tenantId: string) => Promise<DeadEventSummary[]>
  list: (
    caller: Caller,
    query?: string,
  ) => Promise<{ traces: Trace[]; total: number; limit: number; offset: number; next_cursor?: string }>
  get: (caller: Caller, id: string) => Promise<{ status: number; body: { trace: Trace; spans: Span[] } }>
  activity: (caller: Caller, query?: string) => Promise<ActivityPage>
  costs: (caller: Caller, query?: string) => Promise<Record<string, unknown>[]>
  monthCost: (caller: Caller, agentId: string) => Promise<number>
}

const noRuns = fakeRpc(StatusServiceService, { listRunning: async () => ({ runs: [] }) })

/** Starts traces over a fresh database with an environment. Memory is away unless a stand-in is given, and agents have no runs. */
export const startTraces = async (
  env: Record<string, string> = {},
  databaseUrls: HarnessOptions['databaseUrls'] = {},
  standIns: NonNullable<HarnessOptions['standIns']> = [],
): Promise<TracesHarness> => {
  const { traces: config } = loadConfigs({ traces: tracesConfig }, env)
  const services = { traces: (mesh: Mesh) => tracesService(mesh, config) }
  const harness = await startServices({ services, databaseUrls, standIns: [noRuns, ...standIns] })
  const { request, rpc, call } = harness
  return {
    ...harness,
    tell: async (...events) => void (await harness.bus.publishDurable(events.map(rowOf))),
    dead: async (consumer, tenantId) => {
      const rows = await createDeadEvents(harness.mesh.database('traces')).list(1_000)
      return rows.filter((row) => row.consumer === consumer && row.subject.includes(tenantId))
    },
    list: async (caller, query = '') =>
      (await request<Awaited<ReturnType<TracesHarness['list']>>>(caller, 'GET', `/v1/traces${query}`)).body,
    get: (caller, id) => request(caller, 'GET', `/v1/traces/${id}`),
    activity: async (caller, query = '') => (await request<ActivityPage>(caller, 'GET', `/v1/activity${query}`)).body,
    costs: async (caller, query = '') =>
      (await request<{ rows: Record<string, unknown>[] }>(caller, 'GET', `/v1/costs/summary${query}`)).body.rows,
    monthCost: async (caller, agentId) =>
      (await rpc(TracesServiceService).getAgentMonthCost(call(caller), { agentId })).costUsd,
  }
}

/** An admin of a fresh tenant, and a viewer of the same one. */
export const makeTenant = () => {
  const admin = testCaller()
  const viewer = (userId: string): Caller => ({ ...admin, role: 'viewer', userId })
  return { admin, viewer, tenantId: admin.tenantId }
}
