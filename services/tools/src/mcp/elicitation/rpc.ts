import { uuid } from '@clawmesh/contracts'
import type { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { ElicitationRows } from './types.ts'
import { shownElicitation } from './ws.ts'

export const createElicitationRpc = (
  rowsOf: (tenantId: string) => Pick<ElicitationRows, 'find'>,
): Pick<RpcFunctions<typeof ToolsServiceService>, 'getMcpElicitation'> => ({
  getMcpElicitation: async ({ caller: { tenantId } }, { id }) => {
    const asked = uuid.safeParse(id).success ? await rowsOf(tenantId).find(id) : undefined
    return { found: asked !== undefined, shownJson: asked === undefined ? '' : JSON.stringify(shownElicitation(asked)) }
  },
})
