import type { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { PermissionUseCases } from './use-cases.ts'

export const createPermissionRpc = ({ isFileWriter }: Pick<PermissionUseCases, 'isFileWriter'>) =>
  ({
    checkFileWriter: async ({ caller }, { agentId, ...who }) => ({
      allowed: await isFileWriter(caller.tenantId, agentId, { ...who, peerKind: 'group' }),
    }),
  }) satisfies Partial<RpcFunctions<typeof AgentsServiceService>>
