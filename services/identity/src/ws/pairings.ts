import type { ws } from '@clawmesh/contracts'
import type { WsHandlers } from '@clawmesh/chassis'
import type { PairingUseCases } from '../domain/pairings.ts'
import type { PairedDevice, PairingRequest } from '../domain/types.ts'

const toRequest = (request: PairingRequest) => ({
  code: request.code,
  sender_id: request.senderId,
  channel: request.channel,
  chat_id: request.chatId,
  account_id: request.accountId,
  created_at: request.createdAt.getTime(),
  expires_at: request.expiresAt.getTime(),
})

const toDevice = (device: PairedDevice) => ({
  sender_id: device.senderId,
  channel: device.channel,
  chat_id: device.chatId,
  paired_at: device.pairedAt.getTime(),
  paired_by: device.pairedBy,
})

export const createPairingMethods = (pairings: PairingUseCases): WsHandlers<typeof ws.identity> => ({
  'device.pair.request': async ({ caller, params }) => ({ code: (await pairings.request(caller, params)).code }),
  'device.pair.approve': async ({ call, params }) => ({
    paired: toDevice(await pairings.approve(call, params.code, params.approvedBy)),
  }),
  'device.pair.deny': async ({ call, params }) => {
    await pairings.deny(call, params.code)
    return { denied: true }
  },
  'device.pair.list': async ({ caller }) => {
    const { pending, paired } = await pairings.list(caller)
    return { pending: pending.map(toRequest), paired: paired.map(toDevice) }
  },
  'device.pair.revoke': async ({ call, params }) => {
    await pairings.revoke(call, params)
    return { revoked: true }
  },
})
