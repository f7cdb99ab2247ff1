import type { WsEventMessage } from '@clawmesh/contracts'
import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { newId, serviceCaller, type Call, type Logger, type RpcFunctions } from '@clawmesh/chassis'
import type { Session } from './session.ts'

/** What identity is asked about browsers that wait. */
export interface Pairings {
  /** The pending request of the browser behind a connection. @throws RESOURCE_EXHAUSTED */
  request: (
    tenantId: string,
    senderId: string,
    waiting: Pick<Session, 'id' | 'clientIp'>,
  ) => Promise<{ requestId: string; code: string; senderId: string }>
  /** Never cached. */
  status: (tenantId: string, senderId: string) => Promise<'approved' | 'pending' | 'expired'>
  /** Says that a connection waits no longer, if it did. Nobody waits for that. */
  leave: (session: Pick<Session, 'id' | 'authState'>) => void
}

type Identity = RpcFunctions<typeof IdentityServiceService>

/** Nobody vouches for a browser that waits, so the edge asks for it. */
const ownCall = (tenantId?: string, clientIp?: string): Call => ({
  clientIp,
  caller: serviceCaller(tenantId, ''),
  requestId: newId(),
  signal: new AbortController().signal,
})

/** What identity knows of browsers that wait to be let in. */
export const createPairings = (identity: Identity, log: Logger) => {
  const pairings: Pairings = {
    request: (tenantId, senderId, { id: connectionId, clientIp }) =>
      identity.requestPairing(ownCall(tenantId, clientIp), { tenantId, senderId, connectionId }),
    status: async (tenantId, senderId) => {
      const { status } = await identity.resolvePairing(ownCall(), { tenantId, senderId })
      return status === 'approved' || status === 'pending' ? status : 'expired'
    },
    leave: ({ id: connectionId, authState }) => {
      if (authState.kind !== 'pending') return
      const { tenantId, requestId } = authState
      identity
        .leavePairing(ownCall(tenantId), { tenantId, requestId, connectionId })
        .catch((err: unknown) => log.warn({ err }, 'a pairing request keeps its place until it expires'))
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
