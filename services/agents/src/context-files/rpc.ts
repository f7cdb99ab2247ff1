import { type AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { ContextFileUseCases } from './use-cases.ts'

export const createContextFileRpc = (files: Pick<ContextFileUseCases, 'get' | 'set'>) =>
  ({
    getContextFile: async ({ caller }, { agentId, userId, fileName }) => {
      const content = await files.get(caller, agentId, { userId, name: fileName })
      return { found: content !== undefined, content: content ?? '' }
    },
    setContextFile: async ({ caller }, { agentId, userId, fileName, content }) => {
      await files.set(caller, agentId, { userId, name: fileName, content })
      return {}
    },
  }) satisfies Partial<RpcFunctions<typeof AgentsServiceService>>
