import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { MemberUseCases } from './use-cases.ts'

export const createMemberRpc = (members: MemberUseCases) =>
  ({
    resolveMembership: async (_call, { tenantId, userId }) => ({
      role: (await members.roleOfAsking(tenantId, userId)) ?? '',
    }),
  }) satisfies Partial<RpcFunctions<typeof IdentityServiceService>>
