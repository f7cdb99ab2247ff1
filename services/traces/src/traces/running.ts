/**
 * Runs that are on, as traces: their own come with their end (docs/adr/0065), so agents are asked. Without agents, runs are told of
 * when they have ended.
 */
import type { RunningRun, StatusServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/status.ts'
import { derivedId, type Call, type Logger, type RpcFunctions } from '@clawmesh/chassis'
import type { FoundTrace, TraceFilter } from '../span-store/port.ts'
import { cleanText } from '../intake/clean.ts'
import type { Span, Trace } from './types.ts'

/** Characters of what a run answers that are shown. */
const inputChars = 2_000
/** What is stored does not wait for agents that hang. */
const askWithinMs = 1_000

export type RunningFilter = Pick<
  TraceFilter,
  'agentId' | 'userId' | 'sessionKey' | 'channel' | 'status' | 'tag' | 'from' | 'to' | 'words'
>

/** What a caller's tenant has at work. */
export interface RunningTraces {
  /** Those that match, newest first; of more than 200 the newest. */
  list: (call: Call, filter: RunningFilter) => Promise<Trace[]>
  find: (call: Call, id: string) => Promise<FoundTrace | undefined>
}

const toTrace = (run: RunningRun): Trace => {
  const startedAt = new Date(run.startedAtMs)
  return {
    id: run.runId,
    runId: run.runId,
    agentId: run.agentId,
    userId: run.userId || undefined,
    sessionKey: run.sessionKey,
    channel: run.channel,
    name: run.name,
    inputPreview: cleanText(run.input, inputChars),
    startTime: startedAt,
    createdAt: startedAt,
    status: 'running',
    ...{ totalInputTokens: 0, totalOutputTokens: 0, totalCost: 0, spanCount: 1, llmCallCount: 0, toolCallCount: 0 },
  }
}

/** Its root, which it has from the start; what it has done comes with its end. */
const rootOf = ({ id, agentId, name, startTime, createdAt }: Trace, tenantId: string): Span => ({
  id: derivedId(id, 'root span'),
  traceId: id,
  agentId,
  spanType: 'agent',
  name,
  startTime,
  createdAt,
  status: 'running',
  tenantId,
})

const matches = ({ from, to, words }: RunningFilter, { name, inputPreview, createdAt }: Trace): boolean => {
  const at = new Date(createdAt)
  if ((from !== undefined && at < from) || (to !== undefined && at >= to)) return false
  const said = `${name} ${inputPreview ?? ''}`.toLowerCase()
  return words.every((word) => said.includes(word.toLowerCase()))
}

export const createRunningTraces = (
  agents: Pick<RpcFunctions<typeof StatusServiceService>, 'listRunning'>,
  log: Logger,
): RunningTraces => {
  const ask = async (
    call: Call,
    { agentId = '', userId = '', sessionKey = '', channel = '', runId = '' },
  ): Promise<Trace[]> => {
    const signal = AbortSignal.any([call.signal, AbortSignal.timeout(askWithinMs)])
    try {
      const { runs } = await agents.listRunning({ ...call, signal }, { runId, agentId, userId, sessionKey, channel })
      return runs.map(toTrace)
    } catch (err) {
      log.warn({ err, tenantId: call.caller.tenantId }, 'agents could not be asked which runs are on')
      return []
    }
  }
  return {
    list: async (call, filter) => {
      // Which cost tags a run has is known at its end.
      if ((filter.status ?? 'running') !== 'running' || filter.tag !== undefined) return []
      const { agentId, userId, sessionKey, channel } = filter
      const traces = await ask(call, { agentId, userId, sessionKey, channel })
      return traces.filter((trace) => matches(filter, trace))
    },
    find: async (call, id) => {
      const [trace] = await ask(call, { runId: id })
      return trace && { trace, spans: async () => [rootOf(trace, call.caller.tenantId)] }
    },
  }
}
