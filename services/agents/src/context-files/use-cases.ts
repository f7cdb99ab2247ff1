import type { Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Cache, type Call } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import { withIdentityLine } from '../chat/identity-file.ts'
import { contextTemplates } from './templates.ts'
import { meetingFile, type ContextFile } from './types.ts'

/** The context files of one tenant. */
export interface ContextFileRows {
  /** Those at agent level, and one user's after them. */
  list: (agentId: string, userId: string) => Promise<ContextFile[]>
  /** Writes a file; an empty text deletes it. */
  set: (agentId: string, file: ContextFile) => Promise<void>
  /** Writes files where there are none of their names yet. */
  seed: (agentId: string, files: readonly ContextFile[]) => Promise<void>
  /** Writes a file at agent level, and the copies of its users where they get it too; how many. */
  write: (
    agentId: string,
    file: Pick<ContextFile, 'name' | 'content'>,
    options: { propagate: boolean; actor: Actor },
  ) => Promise<number>
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

  /** The texts at agent level by name. */
  shared: async ({ id, tenantId }: Pick<Agent, 'id' | 'tenantId'>): Promise<Map<string, string>> =>
    new Map((await rowsOf(tenantId).list(id, '')).map(({ name, content }) => [name, content])),

  /** Writes a file at agent level; an empty text deletes it. How many copies of users got it too. */
  write: (
    call: Call,
    { id, tenantId }: Pick<Agent, 'id' | 'tenantId'>,
    { propagate, ...file }: Pick<ContextFile, 'name' | 'content'> & { propagate: boolean },
  ): Promise<number> => rowsOf(tenantId).write(id, file, { propagate, actor: actorOf(call) }),

  /** Writes lines of the IDENTITY.md at agent level; what is undefined or empty stays. */
  setIdentity: async (
    { id, tenantId }: Pick<Agent, 'id' | 'tenantId'>,
    values: Readonly<Record<string, string | undefined>>,
  ): Promise<void> => {
    const name = 'IDENTITY.md'
    const rows = rowsOf(tenantId)
    const stored = (await rows.list(id, '')).find((file) => file.name === name)?.content ?? contextTemplates[name]
    const content = Object.entries(values).reduce(
      (text, [label, value]) => (value ? withIdentityLine(text, label, value) : text),
      stored,
    )
    await rows.set(id, { userId: '', name, content })
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
