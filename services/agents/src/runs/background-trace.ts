/** Work with a model beside the runs of a session, traced like a run, so that what it costs is counted. */
import { newId, type Call, type Logger } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import type { SessionWorkRows, StoredSession } from './session-rows.ts'
import { startTrace, type RunTrace } from './spans.ts'

interface Parts {
  rows: Pick<SessionWorkRows, 'recordTrace'>
  log: Logger
}

interface Work<T> {
  /** What the trace is called, before the agent's key. */
  name: string
  agent: Agent
  session: StoredSession
  /** @returns the result, and what of it the trace shows */
  work: (trace: RunTrace) => Promise<{ result: T; output: string }>
}

export type Traced = <T>(call: Call, work: Work<T>) => Promise<T>

export const createTraced =
  ({ rows, log }: Parts): Traced =>
  async (call, { name, agent, session, work }) => {
    const trace = startTrace({
      runId: newId(),
      name: `${name} ${agent.agentKey}`,
      agentId: agent.id,
      agentKey: agent.agentKey,
      userId: session.userId,
      sessionKey: session.sessionKey,
      channel: session.channel,
      input: '',
    })
    const record = (ending: Parameters<RunTrace['finish']>[0]) =>
      rows
        .recordTrace(call.caller.tenantId, trace.finish(ending))
        .catch((err: unknown) => log.warn({ err, trace: name }, 'a trace could not be recorded'))
    try {
      const { result, output } = await work(trace)
      await record({ status: 'completed', output })
      return result
    } catch (thrown) {
      await record({ status: 'error', output: '', error: (thrown as Error).message })
      throw thrown
    }
  }
