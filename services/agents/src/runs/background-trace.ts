/** Work with a model beside the runs of a session, traced like a run, so that what it costs is counted. */
import { costTagTexts } from '@clawmesh/contracts'
import { newId, type Call, type Logger } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import { costTagsOf } from './agent-tags.ts'
import { noUsage } from './run-loop.ts'
import type { SessionWorkRows, StoredSession } from './session-rows.ts'
import { startTrace, type RunTrace } from './spans.ts'

interface Parts {
  rows: Pick<SessionWorkRows, 'ended'>
  log: Logger
}

interface Work<T> {
  /** What the trace is called, before the agent's key. */
  name: string
  agent: Agent
  session: Pick<StoredSession, 'sessionKey' | 'userId' | 'channel'>
  /** @returns the result, and what of it the trace shows */
  work: (trace: RunTrace) => Promise<{ result: T; output: string }>
}

export type Traced = <T>(call: Call, work: Work<T>) => Promise<T>

export const createTraced =
  ({ rows, log }: Parts): Traced =>
  async (call, { name, agent, session, work }) => {
    const runId = newId()
    const { sessionKey, userId, channel } = session
    const about = { runId, agentId: agent.id, sessionKey, userId }
    const trace = startTrace({
      ...about,
      name: `${name} ${agent.agentKey}`,
      isBackground: true,
      agentKey: agent.agentKey,
      channel,
      input: '',
      tags: costTagTexts(costTagsOf(agent)),
    })
    const end = (status: 'completed' | 'failed', output: string, error?: string) =>
      rows
        .ended(call.caller.tenantId, {
          ...about,
          status,
          error,
          usage: noUsage,
          ...trace.finish({ status: status === 'failed' ? 'error' : status, output, error }),
        })
        .catch((err: unknown) => log.warn({ err, trace: name }, 'a trace could not be recorded'))
    try {
      const { result, output } = await work(trace)
      await end('completed', output)
      return result
    } catch (thrown) {
      await end('failed', '', (thrown as Error).message)
      throw thrown
    }
  }
