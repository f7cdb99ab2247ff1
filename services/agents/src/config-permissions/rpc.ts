import type { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { RequireAgent } from '../agents/owned.ts'
import type { PermissionUseCases } from './use-cases.ts'

export const createPermissionRpc = (
  { isFileWriter }: Pick<PermissionUseCases, 'isFileWriter'>,
  requireAgent: RequireAgent,
) =>
  ({
    checkFileWriter: async ({ caller }, { agentId, ...who }) => {
      const { id } = await requireAgent(caller, agentId)
      return { allowed: await isFileWriter(caller.tenantId, id, { ...who, peerKind: 'group' }) }
    },
  }) satisfies Partial<RpcFunctions<typeof AgentsServiceService>>
