import type { Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call, type Logger } from '@clawmesh/chassis'
import type { ConfigPermission, NewPermission, PermissionName } from './types.ts'
import { scopeOf, verdictOf, type Wish } from './verdict.ts'

/** The rules of one tenant about who may change its agents from a chat. */
export interface PermissionRows {
  /** In the order in which they came; those of a kind where one is given. */
  list: (agentId: string, configType: string | undefined) => Promise<ConfigPermission[]>
  /** Adds a rule, or replaces the one of the same name. @throws NOT_FOUND when the agent is gone */
  put: (agentId: string, rule: NewPermission & { grantedBy: string }, actor: Actor) => Promise<void>
  /** Fine when there is none. */
  remove: (agentId: string, name: PermissionName, actor: Actor) => Promise<void>
}

interface Parts {
  rowsOf: (tenantId: string) => PermissionRows
  /** The agent of the caller's tenant that an id or key names. @throws NOT_FOUND */
  requireAgent: (caller: Caller, ref: string) => Promise<{ id: string }>
  log: Pick<Logger, 'warn'>
}

/** Who may change what of an agent from a chat, as admins decide. */
export const createPermissionUseCases = ({ rowsOf, requireAgent, log }: Parts) => {
  const verdictOn = async (tenantId: string, agentId: string, wish: Wish): Promise<'allow' | 'deny' | undefined> =>
    verdictOf(await rowsOf(tenantId).list(agentId, undefined), wish)

  return {
    /** @throws NOT_FOUND */
    list: async (caller: Caller, agent: string, configType?: string): Promise<ConfigPermission[]> => {
      const { id } = await requireAgent(caller, agent)
      return rowsOf(caller.tenantId).list(id, configType)
    },

    /** What the rules of an agent say about somebody's wish to change it; undefined where they say nothing. */
    verdictOn,

    /**
     * Whether somebody may change who an agent is from where they talk with it. In a group a rule has to allow it. Rules that
     * cannot be read hold up nobody: the contract wants it so, and what would be changed stands in the same database.
     */
    isFileWriter: async (
      tenantId: string,
      agentId: string,
      { userId, ...where }: { userId: string; channel: string; chatId: string; peerKind: string },
    ): Promise<boolean> => {
      // What nobody has said is the system's own.
      if (where.peerKind !== 'group' || userId === '') return true
      const wish = { configType: 'file_writer', scope: scopeOf(where), userId } as const
      try {
        return (await verdictOn(tenantId, agentId, wish)) === 'allow'
      } catch (err) {
        log.warn({ err, agentId }, 'who may change an agent could not be read')
        return true
      }
    },

    /** @throws NOT_FOUND */
    grant: async (call: Call, agent: string, rule: NewPermission): Promise<void> => {
      const { caller } = call
      const { id } = await requireAgent(caller, agent)
      const grantedBy = rule.grantedBy ?? caller.userId
      await rowsOf(caller.tenantId).put(id, { ...rule, grantedBy }, actorOf(call))
    },

    /** Fine for a rule that is not there. @throws NOT_FOUND */
    revoke: async (call: Call, agent: string, name: PermissionName): Promise<void> => {
      const { id } = await requireAgent(call.caller, agent)
      await rowsOf(call.caller.tenantId).remove(id, name, actorOf(call))
    },
  }
}

export type PermissionUseCases = ReturnType<typeof createPermissionUseCases>
