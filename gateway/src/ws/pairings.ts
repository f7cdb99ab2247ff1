import type { WsEventMessage } from '@clawmesh/contracts'
import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { newId, serviceCaller, type Call, type RpcFunctions } from '@clawmesh/chassis'
import type { Pairings } from './own-methods.ts'

type Identity = RpcFunctions<typeof IdentityServiceService>

/** Nobody vouches for a browser that waits, so the edge asks for it. */
const ownCall = (tenantId?: string): Call => ({
  caller: serviceCaller(tenantId, ''),
  requestId: newId(),
  signal: new AbortController().signal,
})

/** What identity knows of browsers that wait to be let in. */
export const createPairings = (identity: Identity) => {
  const pairings: Pairings = {
    request: (tenantId, senderId) => identity.requestPairing(ownCall(), { tenantId, senderId }),
    status: async (tenantId, senderId) => {
      const { status } = await identity.resolvePairing(ownCall(), { tenantId, senderId })
      return status === 'approved' || status === 'pending' ? status : 'expired'
    },
  }
  /** A pending request as admins of its tenant are told; undefined when it is decided already. */
  const pairingRequest = async (tenantId: string, id: string): Promise<WsEventMessage | undefined> => {
    const { found, code, senderId, channel, chatId } = await identity.getPairingRequest(ownCall(tenantId), { id })
    if (!found) return undefined
    return { event: 'device.pair.requested', payload: { code, sender_id: senderId, channel, chat_id: chatId } }
  }
  return { pairings, pairingRequest }
}
