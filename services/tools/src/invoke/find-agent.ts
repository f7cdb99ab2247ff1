import type { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { Call, RpcFunctions } from '@clawmesh/chassis'
import type { InvokeParts } from './use-cases.ts'

/** Finds agents by asking the service that keeps them. */
export const createFindAgent =
  (agents: Pick<RpcFunctions<typeof AgentsServiceService>, 'resolveAgent'>): InvokeParts['findAgent'] =>
  async (call, ref) => {
    const agent = await agents.resolveAgent(call, { agent: ref })
    if (!agent.found) return undefined
    return {
      ...agent,
      key: agent.agentKey,
      type: agent.agentType === 'predefined' ? 'predefined' : 'open',
      workspaceFolder: agent.workspace,
    }
  }

/** The id of the agent of the caller's tenant that an id or a key names. */
export const createFindAgentId =
  (agents: Pick<RpcFunctions<typeof AgentsServiceService>, 'resolveAgent'>) =>
  async (call: Call, agent: string): Promise<string | undefined> => {
    const { found, id } = await agents.resolveAgent(call, { agent })
    return found ? id : undefined
  }
