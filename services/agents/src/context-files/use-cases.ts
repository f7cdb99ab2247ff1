import type { Caller } from '@clawmesh/contracts'
import type { Cache } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import { meetingFile, type ContextFile } from './types.ts'

/** The context files of one tenant. */
export interface ContextFileRows {
  /** Those at agent level, and one user's after them. */
  list: (agentId: string, userId: string) => Promise<ContextFile[]>
  /** Writes a file; an empty text deletes it. */
  set: (agentId: string, file: ContextFile) => Promise<void>
  /** Writes files where there are none of their names yet. */
  seed: (agentId: string, files: readonly ContextFile[]) => Promise<void>
  /** Counts a turn in which a file was shown. Gives how many there were, this one included; 0 where it is gone. */
  countTurn: (agentId: string, file: Pick<ContextFile, 'userId' | 'name'>) => Promise<number>
}

interface Parts {
  rowsOf: (tenantId: string) => ContextFileRows
  findAgent: (tenantId: string, ref: string) => Promise<Pick<Agent, 'id'> | undefined>
  cache: Cache<ContextFile[]>
}

export const createContextFileUseCases = ({ rowsOf, findAgent, cache }: Parts) => ({
  /** What the prompt of a user's run is made of: the files at agent level, the user's own after them. */
  forRun: async (agent: Pick<Agent, 'id' | 'tenantId'>, userId: string): Promise<ContextFile[]> => {
    const load = () => rowsOf(agent.tenantId).list(agent.id, userId)
    return (await cache.get(agent.tenantId, `${agent.id} ${userId}`, load)) ?? []
  },

  /** Writes the files with which a user's first chat begins. */
  seed: (agent: Pick<Agent, 'id' | 'tenantId'>, files: readonly ContextFile[]): Promise<void> =>
    rowsOf(agent.tenantId).seed(agent.id, files),

  /** Counts a turn in which the file of a first meeting was shown, this one included. */
  countMeeting: (agent: Pick<Agent, 'id' | 'tenantId'>, userId: string): Promise<number> =>
    rowsOf(agent.tenantId).countTurn(agent.id, { userId, name: meetingFile }),

  /** Ends the first meeting with a user. */
  endMeeting: (agent: Pick<Agent, 'id' | 'tenantId'>, userId: string): Promise<void> =>
    rowsOf(agent.tenantId).set(agent.id, { userId, name: meetingFile, content: '' }),

  /** The text of a file as it is stored; undefined when there is none, or no such agent. */
  get: async (
    { tenantId }: Caller,
    agentRef: string,
    { userId, name }: Pick<ContextFile, 'userId' | 'name'>,
  ): Promise<string | undefined> => {
    const agent = await findAgent(tenantId, agentRef)
    if (agent === undefined) return undefined
    const files = await rowsOf(tenantId).list(agent.id, userId)
    return files.find((file) => file.userId === userId && file.name === name)?.content
  },

  /** Writes a file; an empty text deletes it. Nothing happens where there is no such agent. */
  set: async ({ tenantId }: Caller, agentRef: string, file: ContextFile): Promise<void> => {
    const agent = await findAgent(tenantId, agentRef)
    if (agent !== undefined) await rowsOf(tenantId).set(agent.id, file)
  },
})

export type ContextFileUseCases = ReturnType<typeof createContextFileUseCases>
