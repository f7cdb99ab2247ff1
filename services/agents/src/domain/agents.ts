import { join } from 'node:path'
import { masterTenantId, MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, type Call } from '@clawmesh/chassis'
import type { AgentsStore } from '../store/store.ts'
import { isSystemOwner, mayUse, requireOwner } from './access.ts'
import { agentChanges, agentKeyFrom, type AgentInput } from './agent-input.ts'
import { contextTemplates } from './context-templates.ts'
import type { Agent } from './types.ts'

const defaults = { contextWindow: 200_000, maxToolIterations: 30 }
const predefinedFiles = ['AGENTS.md', 'SOUL.md', 'IDENTITY.md', 'USER_PREDEFINED.md'] as const

const notFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: id.slice(0, 100) })

const requireUser = (caller: Caller): void => {
  if (caller.userId === '') throw new MeshError('INVALID_REQUEST', 'error.user_id_required')
}

interface Parts {
  store: AgentsStore
  /** Base folder of agent workspaces. */
  workspaceDir: string
  /** Slug of a tenant; undefined for one that does not exist. */
  tenantSlug: (call: Call, tenantId: string) => Promise<string | undefined>
  /** Agents that a chat channel opens to the caller. */
  openedByChannels: (caller: Caller) => Promise<string[]>
}

/** Everything that can be done with agents themselves; running them is `runs.ts`. */
export const createAgentUseCases = ({ store, workspaceDir, tenantSlug: slugOf, openedByChannels }: Parts) => {
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

  /** @throws NOT_FOUND */
  const require = async (caller: Caller, ref: string): Promise<Agent> => {
    const agent = await store.forTenant(caller.tenantId).agents.find(ref)
    if (agent === undefined) throw notFound(ref)
    return agent
  }

  return {
    /** Agents the caller may use, newest first. @throws INVALID_REQUEST without a user id */
    list: async (caller: Caller): Promise<Agent[]> => {
      requireUser(caller)
      const tenant = store.forTenant(caller.tenantId)
      if (isSystemOwner(caller)) return tenant.agents.list()
      return tenant.agents.listFor(caller.userId, () => openedByChannels(caller))
    },

    /** @throws NOT_FOUND, FORBIDDEN when the caller has no access */
    get: async (caller: Caller, ref: string): Promise<Agent> => {
      const agent = await require(caller, ref)
      const shared = () => store.forTenant(caller.tenantId).agents.isSharedWith(agent.id, caller.userId)
      if (!(await mayUse(caller, agent, shared))) throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'agent' })
      return agent
    },

    /** @throws INVALID_REQUEST without a user id, NOT_FOUND for an unknown tenant, ALREADY_EXISTS when the key is taken */
    create: async (call: Call, input: AgentInput & { tenant_id?: string | undefined }): Promise<Agent> => {
      const { caller } = call
      requireUser(caller)
      const { tenantId, tenantSlug } = await tenantFor(call, input.tenant_id)
      const changes = agentChanges(input)
      const agentKey = changes.agentKey ?? agentKeyFrom(input.display_name ?? '')
      const agentType = changes.agentType ?? 'open'
      const agent = {
        displayName: '',
        frontmatter: null,
        provider: '',
        model: '',
        isDefault: false,
        status: 'active' as const,
        budgetMonthlyCents: null,
        toolsConfig: {},
        otherConfig: {},
        sandboxConfig: null,
        subagentsConfig: null,
        memoryConfig: { enabled: true },
        compactionConfig: {},
        contextPruning: null,
        workspace: join(workspaceDir, ...(tenantId === masterTenantId ? [] : ['tenants', tenantSlug]), agentKey),
        ...defaults,
        ...changes,
        agentKey,
        agentType,
        id: newId(),
        tenantId,
        ownerId: caller.userId,
      }
      const files =
        agentType === 'predefined' ? predefinedFiles.map((name) => ({ name, content: contextTemplates[name] })) : []
      return store.forTenant(tenantId).agents.insert(agent, files, actorOf(call))
    },

    /** Changes what the input names. @throws NOT_FOUND, FORBIDDEN, ALREADY_EXISTS, INVALID_REQUEST */
    update: async (call: Call, ref: string, input: AgentInput): Promise<void> => {
      const { caller } = call
      const agent = await require(caller, ref)
      requireOwner(caller, agent)
      const changes = agentChanges(input, agent.otherConfig)
      await store.forTenant(caller.tenantId).agents.update(agent, changes, actorOf(call))
    },

    /** @throws NOT_FOUND, FORBIDDEN */
    remove: async (call: Call, ref: string): Promise<void> => {
      const { caller } = call
      const agent = await require(caller, ref)
      requireOwner(caller, agent)
      await store.forTenant(caller.tenantId).agents.remove(agent, actorOf(call))
    },
  }
}

export type AgentUseCases = ReturnType<typeof createAgentUseCases>
