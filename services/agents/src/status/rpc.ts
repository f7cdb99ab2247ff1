import type { StatusServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/status.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { StatusRows } from './types.ts'

export const createStatusRpc = (rows: StatusRows) =>
  ({
    getStatus: async ({ caller }) => rows.of(caller.tenantId),
    listRunning: async ({ caller }, filter) => ({ runs: await rows.runs(caller.tenantId, filter) }),
  }) satisfies RpcFunctions<typeof StatusServiceService>
