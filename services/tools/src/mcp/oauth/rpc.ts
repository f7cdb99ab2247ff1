import { uuid } from '@clawmesh/contracts'
import type { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { McpServer } from '../servers/types.ts'
import type { SignIn } from './types.ts'

interface Parts {
  find: (tenantId: string, id: string) => Promise<SignIn | undefined>
  serverOf: (tenantId: string, id: string) => Promise<McpServer | undefined>
}

export const createSignInRpc = ({
  find,
  serverOf,
}: Parts): Pick<RpcFunctions<typeof ToolsServiceService>, 'getMcpSignIn'> => ({
  getMcpSignIn: async ({ caller: { tenantId } }, { id }) => {
    const open = uuid.safeParse(id).success ? await find(tenantId, id) : undefined
    const server = open && (await serverOf(tenantId, open.serverId))
    if (open === undefined || server === undefined)
      return { found: false, serverId: '', server: '', userId: '', authUrl: '', expiresAtMs: 0 }
    const { serverId, userId, url: authUrl, expiresAt } = open
    return {
      ...{ found: true, serverId, userId, authUrl },
      server: server.displayName || server.name,
      expiresAtMs: expiresAt.getTime(),
    }
  },
})
