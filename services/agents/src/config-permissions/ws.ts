import { implementWs } from '@clawmesh/chassis'
import { ws } from '@clawmesh/contracts'
import type { PermissionUseCases } from './use-cases.ts'

export const createPermissionWs = (permissions: PermissionUseCases) =>
  implementWs(ws.configPermissions)({
    'config.permissions.list': async ({ caller, params }) => ({
      permissions: await permissions.list(caller, params.agentId, params.configType),
    }),
    'config.permissions.grant': async ({ call, params: { agentId, ...rule } }) => {
      await permissions.grant(call, agentId, rule)
      return { ok: true }
    },
    'config.permissions.revoke': async ({ call, params: { agentId, ...name } }) => {
      await permissions.revoke(call, agentId, name)
      return { ok: true }
    },
  })
