import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { ShareUseCases } from './use-cases.ts'

export const createShareHttp = (shares: ShareUseCases) =>
  implementHttp(http.shares)({
    listAgentShares: async ({ caller, params }) => ({ shares: await shares.list(caller, params.id) }),
    shareAgent: async ({ call, params, body }) => {
      await shares.share(call, params.id, body)
      return { ok: 'true' }
    },
    revokeAgentShare: async ({ call, params }) => {
      await shares.revoke(call, params.id, params.userID)
      return { ok: 'true' }
    },
  })
