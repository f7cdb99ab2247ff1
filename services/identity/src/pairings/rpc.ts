import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { uuid } from '@clawmesh/contracts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { PairingUseCases } from './use-cases.ts'

const unknown = { found: false, code: '', senderId: '', channel: '', chatId: '' }

export const createPairingRpc = (pairings: PairingUseCases) =>
  ({
    resolvePairing: async (_call, { tenantId, senderId }) => {
      const { status, expiresAt } = await pairings.browserState(tenantId, senderId)
      return { status, expiresAtMs: expiresAt?.getTime() ?? 0 }
    },
    requestPairing: async (_call, { tenantId, senderId }) => {
      const { id, code, senderId: given } = await pairings.requestForBrowser(tenantId, senderId)
      return { requestId: id, code, senderId: given }
    },
    getPairingRequest: async ({ caller }, { id }) => {
      const request = uuid.safeParse(id).success ? await pairings.find(caller.tenantId, id) : undefined
      if (request === undefined) return unknown
      const { code, senderId, channel, chatId } = request
      return { found: true, code, senderId, channel, chatId }
    },
  }) satisfies Partial<RpcFunctions<typeof IdentityServiceService>>
