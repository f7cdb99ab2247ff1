import type { StatusServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/status.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { TenantStatus } from './types.ts'

export const createStatusRpc = (statusOf: (tenantId: string) => Promise<TenantStatus>) =>
  ({
    getStatus: async ({ caller }) => statusOf(caller.tenantId),
  }) satisfies RpcFunctions<typeof StatusServiceService>
