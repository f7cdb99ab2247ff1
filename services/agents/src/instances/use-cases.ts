import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, cutText, type Actor, type Call, type Logger } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import type { Instance, UserFile } from './types.ts'

/** The users of the agents of one tenant. */
export interface InstanceRows {
  /** Whoever talked last first. */
  list: (agentId: string) => Promise<Instance[]>
  /** By name. */
  files: (agentId: string, userId: string) => Promise<UserFile[]>
  /** Writes a file, of a user who need not be known; an empty text deletes it. @throws NOT_FOUND when the agent is gone */
  setFile: (file: UserFile, actor: Actor) => Promise<void>
  /** Nothing happens where the user is not known. @throws INVALID_REQUEST when they become too large */
  mergeMetadata: (agentId: string, userId: string, metadata: Record<string, string>, actor: Actor) => Promise<void>
  /** Notes that a user talks with an agent. */
  seen: (agentId: string, userId: string) => Promise<void>
}

interface Parts {
  rowsOf: (tenantId: string) => InstanceRows
  /** @throws NOT_FOUND, FORBIDDEN */
  requireOwned: (caller: Caller, ref: string) => Promise<{ id: string }>
  log: Logger
}

/** The only file that owners write for their users. */
const userFile = 'USER.md'
/** A user who talks on and on is noted so often, milliseconds. */
const noteEveryMs = 60_000
const mostRemembered = 100_000

export const createInstanceUseCases = ({ rowsOf, requireOwned, log }: Parts) => {
  /** When a user of an agent was last noted by this process. */
  const noted = new Map<string, number>()

  return {
    /** @throws NOT_FOUND, FORBIDDEN */
    list: async (caller: Caller, agent: string): Promise<Instance[]> => {
      const { id } = await requireOwned(caller, agent)
      return rowsOf(caller.tenantId).list(id)
    },

    /** @throws NOT_FOUND, FORBIDDEN */
    files: async (caller: Caller, agent: string, userId: string): Promise<UserFile[]> => {
      const { id } = await requireOwned(caller, agent)
      return rowsOf(caller.tenantId).files(id, userId)
    },

    /** @throws NOT_FOUND, FORBIDDEN */
    file: async (caller: Caller, agent: string, userId: string, fileName: string): Promise<UserFile> => {
      const { id } = await requireOwned(caller, agent)
      const found = (await rowsOf(caller.tenantId).files(id, userId)).find((file) => file.fileName === fileName)
      if (found === undefined)
        throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'file', id: cutText(fileName, 100) })
      return found
    },

    /** @throws NOT_FOUND, FORBIDDEN, INVALID_REQUEST for any file but USER.md */
    setFile: async (
      call: Call,
      agent: string,
      { userId, fileName, content }: Omit<UserFile, 'agentId'>,
    ): Promise<void> => {
      const { caller } = call
      const { id: agentId } = await requireOwned(caller, agent)
      if (fileName !== userFile)
        throw new MeshError('INVALID_REQUEST', 'error.invalid_path', { path: cutText(fileName, 100) })
      await rowsOf(caller.tenantId).setFile({ agentId, userId, fileName, content }, actorOf(call))
    },

    /** @throws NOT_FOUND, FORBIDDEN, INVALID_REQUEST when they become too large */
    mergeMetadata: async (
      call: Call,
      agent: string,
      userId: string,
      metadata: Record<string, string>,
    ): Promise<void> => {
      const { id } = await requireOwned(call.caller, agent)
      await rowsOf(call.caller.tenantId).mergeMetadata(id, userId, metadata, actorOf(call))
    },

    /** Notes in the background that a user talks with an agent, at most once a minute. */
    seen: ({ id, tenantId }: Pick<Agent, 'id' | 'tenantId'>, userId: string): void => {
      const key = `${id} ${userId}`
      const now = performance.now()
      if (userId === '' || now - (noted.get(key) ?? -Infinity) < noteEveryMs) return
      if (noted.size >= mostRemembered) noted.clear()
      noted.set(key, now)
      rowsOf(tenantId)
        .seen(id, userId)
        .catch((err: unknown) => {
          noted.delete(key)
          log.warn({ err, tenantId, agentId: id }, 'a user of an agent could not be noted')
        })
    },
  }
}

export type InstanceUseCases = ReturnType<typeof createInstanceUseCases>
