/** Commands that wait for the word of an operator. */
import { uuid } from '@clawmesh/contracts'
import type { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import type { Feature, Mesh, RpcFunctions, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../../db/client/client.ts'
import { createAsk } from '../../questions/ask.ts'
import { swept } from '../../questions/swept.ts'
import { createApprovals } from './approvals.ts'
import { createApprovalRows, createApprovalSweep } from './rows.ts'
import { createApprovalWs } from './ws.ts'

const lookMs = 1_000

export const createExecApprovals = (
  mesh: Mesh,
  db: ServiceDb<PrismaClient>,
  { execApprovalMs: waitMs }: { execApprovalMs: number },
) => {
  const log = mesh.log.child({ service: 'tools', part: 'exec approvals' })
  const { bus } = mesh
  const rowsOf = createApprovalRows(db)
  const rpc: Pick<RpcFunctions<typeof ToolsServiceService>, 'getExecApproval'> = {
    getExecApproval: async ({ caller }, { id }) => {
      const asked = uuid.safeParse(id).success ? await rowsOf(caller.tenantId).find(id) : undefined
      if (asked === undefined) return { found: false, command: '', agentId: '', userId: '', createdAtMs: 0 }
      const { command, agentId, userId, createdAt } = asked
      return { found: true, command, agentId, userId, createdAtMs: createdAt.getTime() }
    },
  }
  return {
    approvals: createApprovals({ rowsOf, ask: createAsk({ bus, log, waitMs, lookMs }) }),
    ws: createApprovalWs({ rowsOf, bus }),
    parts: [swept('exec approvals', createApprovalSweep(db), log)],
    rpc,
    forgetAgent: (tenantId: string, agentId: string) => rowsOf(tenantId).forgetAgent(agentId),
  } satisfies Feature & Record<'approvals' | 'rpc' | 'forgetAgent', object>
}
