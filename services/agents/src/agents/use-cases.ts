import { join } from 'node:path'
import { masterTenantId, MeshError, type Caller } from '@clawmesh/contracts'
import { type Actor, actorOf, type Call, keyOfName, newId } from '@clawmesh/chassis'
import { contextTemplates } from '../context-files/templates.ts'
import type { StartSummoning } from '../summoning/use-cases.ts'
import { isSystemOwner, mayUse } from './access.ts'
import { agentChanges } from './agent-input.ts'
import { descriptionOf } from './description.ts'
import { checkPoolRouting, hasPoolWishes, type AccountPool } from './pool-routing.ts'
import { agentNotFound, requireAgent, requireOwnedAgent } from './owned.ts'
import type { Agent, AgentChanges, AgentFields, AgentInput, NewAgent } from './types.ts'

/** The agents of one tenant. */
export interface AgentRows {
  /** An agent by id or key. */
  find: (ref: string) => Promise<Agent | undefined>
  /** The agent marked as default, else the one called `default`. */
  findDefault: () => Promise<Agent | undefined>
  /**
   * All agents, or what a user may use: own, default and shared agents, and predefined ones that a channel opens. Channels
   * are asked only when there are predefined agents that nothing else opens. Newest first.
   */
  list: (user?: { id: string; openedByChannels: () => Promise<readonly string[]> }) => Promise<Agent[]>
  isSharedWith: (agentId: string, userId: string) => Promise<boolean>
  /**
   * Takes the default's mark from the agent that has it where the new one is the default. One that is `summoned` gets a
   * summoning. @throws ALREADY_EXISTS
   */
  insert: (
    agent: AgentFields & Pick<Agent, 'id' | 'tenantId' | 'ownerId'>,
    files: readonly { name: string; content: string }[],
    actor: Actor,
    summoned: boolean,
  ) => Promise<{ agent: Agent; summoningId: string | undefined }>
  /**
   * Writes what `change` makes of the stored agent, which nobody else changes meanwhile, and a display name into
   * IDENTITY.md. False when there is none. @throws ALREADY_EXISTS
   */
  update: (id: string, actor: Actor, change: (stored: Agent) => AgentChanges) => Promise<boolean>
  remove: (id: string, actor: Actor) => Promise<void>
}

const defaults = {
  displayName: '',
  frontmatter: null,
  provider: '',
  model: '',
  contextWindow: 200_000,
  maxToolIterations: 30,
  agentType: 'open',
  isDefault: false,
  status: 'active',
  budgetMonthlyCents: null,
  toolsConfig: {},
  otherConfig: {},
  sandboxConfig: null,
  subagentsConfig: null,
  memoryConfig: { enabled: true },
  compactionConfig: {},
  contextPruning: null,
} satisfies Omit<AgentFields, 'agentKey' | 'workspace'>
const predefinedFiles = ['AGENTS.md', 'SOUL.md', 'IDENTITY.md', 'USER_PREDEFINED.md'] as const

const maxKeyLength = 64
const mostKeysTried = 100

const requireUser = (caller: Caller): void => {
  if (caller.userId === '') throw new MeshError('INVALID_REQUEST', 'error.user_id_required')
}

interface Parts {
  rowsOf: (tenantId: string) => AgentRows
  /** Base folder of agent workspaces. */
  workspaceDir: string
  /** Slug of a tenant; undefined for one that does not exist. */
  tenantSlug: (call: Call, tenantId: string) => Promise<string | undefined>
  /** Agents that a chat channel opens to the caller. */
  openedByChannels: (caller: Caller) => Promise<string[]>
  startSummoning: StartSummoning
  /** The pool of accounts behind a provider. */
  accountPool: (call: Call, provider: string) => Promise<AccountPool>
}

/** Everything that can be done with agents themselves. */
export const createAgentUseCases = ({
  rowsOf,
  workspaceDir,
  tenantSlug: slugOf,
  openedByChannels,
  startSummoning,
  accountPool,
}: Parts) => {
  /** Where a new agent goes: a system owner may name another tenant. @throws NOT_FOUND for one that does not exist */
  const tenantFor = async (
    call: Call,
    wanted: string | undefined,
  ): Promise<{ tenantId: string; tenantSlug: string }> => {
    const { caller } = call
    if (wanted === undefined || wanted === caller.tenantId || !isSystemOwner(caller)) return caller
    const tenantSlug = await slugOf(call, wanted)
    if (tenantSlug === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tenant', id: wanted })
    return { tenantId: wanted, tenantSlug }
  }

  /** Where an agent works that is told nothing else. */
  const workspaceOf = ({ tenantId, tenantSlug }: Pick<Caller, 'tenantId' | 'tenantSlug'>, agentKey: string): string =>
    join(workspaceDir, ...(tenantId === masterTenantId ? [] : ['tenants', tenantSlug]), agentKey)

  /** @throws INVALID_REQUEST where an agent wishes what its provider's pool does not allow */
  const checkPool = async (call: Call, { provider = '', otherConfig }: AgentChanges): Promise<void> => {
    if (otherConfig === undefined || provider === '' || !hasPoolWishes(otherConfig)) return
    checkPoolRouting(otherConfig, await accountPool(call, provider))
  }

  return {
    /** Whether an agent works where it was told at first: nothing of anybody else is there. */
    hasWorkspaceOfItsOwn: (caller: Caller, { agentKey, workspace }: Agent): boolean =>
      workspace === workspaceOf(caller, agentKey),

    /** Agents the caller may use, newest first. @throws INVALID_REQUEST without a user id */
    list: async (caller: Caller): Promise<Agent[]> => {
      requireUser(caller)
      const rows = rowsOf(caller.tenantId)
      if (isSystemOwner(caller)) return rows.list()
      return rows.list({ id: caller.userId, openedByChannels: () => openedByChannels(caller) })
    },

    /** @throws NOT_FOUND, FORBIDDEN when the caller has no access */
    get: async (caller: Caller, ref: string): Promise<Agent> => {
      const agent = await requireAgent(rowsOf, caller, ref)
      const shared = () => rowsOf(caller.tenantId).isSharedWith(agent.id, caller.userId)
      if (!(await mayUse(caller, agent, shared))) throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'agent' })
      return agent
    },

    /**
     * @param ownerId the caller where it is not given
     * @throws INVALID_REQUEST without an owner, NOT_FOUND for an unknown tenant, ALREADY_EXISTS when the key is taken
     */
    create: async (
      call: Call,
      { tenantId: wanted, ...input }: NewAgent,
      ownerId = call.caller.userId,
    ): Promise<Agent> => {
      if (ownerId === '') throw new MeshError('INVALID_REQUEST', 'error.user_id_required')
      const { tenantId, tenantSlug } = await tenantFor(call, wanted)
      const changes = agentChanges(input)
      await checkPool(call, changes)
      const agentKey = changes.agentKey ?? keyOfName(changes.displayName ?? '', 'agent', maxKeyLength)
      const agent = {
        ...defaults,
        workspace: workspaceOf({ tenantId, tenantSlug }, agentKey),
        ...changes,
        agentKey,
        id: newId(),
        tenantId,
        ownerId,
      }
      const files =
        agent.agentType === 'predefined'
          ? predefinedFiles.map((name) => ({ name, content: contextTemplates[name] }))
          : []
      const summoned = agent.agentType === 'predefined' && descriptionOf(agent) !== ''
      const made = summoned ? { ...agent, status: 'summoning' as const } : agent
      const { agent: stored, summoningId } = await rowsOf(tenantId).insert(made, files, actorOf(call), summoned)
      if (summoningId !== undefined) await startSummoning(tenantId, stored.id, summoningId)
      return stored
    },

    /**
     * Makes an agent that cannot be used yet, whatever it says of itself, with no files; where its key is taken, one with a
     * number behind it. @throws INVALID_REQUEST without a user, ALREADY_EXISTS when all such keys are taken
     */
    createInactive: async (call: Call, wantedKey: string, fields: AgentChanges): Promise<Agent> => {
      const { caller } = call
      requireUser(caller)
      for (let tries = 1; ; tries++) {
        const agentKey = tries === 1 ? wantedKey : `${wantedKey}-${tries}`
        const workspace = workspaceOf(caller, agentKey)
        const { tenantId, userId: ownerId } = caller
        const agent = { ...defaults, ...fields, workspace, agentKey, id: newId(), tenantId, ownerId }
        try {
          const made = { ...agent, isDefault: false, status: 'inactive' as const }
          return (await rowsOf(tenantId).insert(made, [], actorOf(call), false)).agent
        } catch (thrown) {
          const isTaken = thrown instanceof MeshError && thrown.code === 'ALREADY_EXISTS'
          if (!isTaken || tries === mostKeysTried) throw thrown
        }
      }
    },

    activate: async (call: Call, id: string): Promise<void> => {
      await rowsOf(call.caller.tenantId).update(id, actorOf(call), () => ({ status: 'active' }))
    },

    /** Takes back an agent that was made a moment ago. */
    discard: (call: Call, id: string): Promise<void> => rowsOf(call.caller.tenantId).remove(id, actorOf(call)),

    /** Changes what the input names. @throws NOT_FOUND, FORBIDDEN, ALREADY_EXISTS */
    update: async (call: Call, ref: string, input: AgentInput): Promise<void> => {
      const { caller } = call
      const { id, provider } = await requireOwnedAgent(rowsOf, caller, ref)
      await checkPool(call, { provider, ...agentChanges(input) })
      const found = await rowsOf(caller.tenantId).update(id, actorOf(call), ({ otherConfig }) =>
        agentChanges(input, otherConfig),
      )
      if (!found) throw agentNotFound(ref)
    },

    /** @throws NOT_FOUND, FORBIDDEN */
    remove: async (call: Call, ref: string): Promise<void> => {
      const { caller } = call
      const { id } = await requireOwnedAgent(rowsOf, caller, ref)
      await rowsOf(caller.tenantId).remove(id, actorOf(call))
    },
  }
}

export type AgentUseCases = ReturnType<typeof createAgentUseCases>
