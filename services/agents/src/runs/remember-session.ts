/** Conversations as memory: the summary of one is a document of its user, which memory search finds from any other. */
import type { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { JobAttempt, RpcFunctions } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Agent } from '../agents/types.ts'
import type { SessionWorkRows, StoredSession } from './session-rows.ts'

/** Whether the agent keeps summaries of conversations: `memory_config` says `episodic`, and does not switch memory off. */
export const remembersSessions = ({ memoryConfig }: Pick<Agent, 'memoryConfig'>): boolean =>
  memoryConfig?.['episodic'] === true && memoryConfig['enabled'] !== false

/** One document a conversation, whatever becomes of its key and its title. */
const pathOf = ({ id }: StoredSession): string => `memory/sessions/${id}.md`

const contentOf = ({ label, summary }: StoredSession): string =>
  `# ${label === '' ? 'Conversation' : label}\n\nLast summarised on ${new Date().toISOString().slice(0, 10)}.\n\n${summary}\n`

interface Parts {
  rows: Pick<SessionWorkRows, 'find'>
  findAgent: AgentLookup['find']
  memory: Pick<RpcFunctions<typeof MemoryServiceService>, 'putDocument'>
}

export const createRememberSession =
  ({ rows, findAgent, memory }: Parts) =>
  /** Does nothing for a session that is gone or has no summary. @throws what keeps memory from it */
  async ({ tenantId, data, call }: JobAttempt<{ sessionId: string }>): Promise<void> => {
    const session = await rows.find(tenantId, data.sessionId)
    const agent = session && (await findAgent(tenantId, session.agentId))
    if (session === undefined || agent === undefined || session.summary === '' || !remembersSessions(agent)) return
    await memory.putDocument(call, {
      agentId: agent.id,
      userId: session.userId,
      path: pathOf(session),
      content: contentOf(session),
      append: false,
      extraction: undefined,
    })
  }
