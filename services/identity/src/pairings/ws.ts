import { ws } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import type { PairedDevice, PairingRequest } from './types.ts'
import type { PairingUseCases } from './use-cases.ts'

const toRequest = (request: PairingRequest) => ({
  ...request,
  createdAt: request.createdAt.getTime(),
  expiresAt: request.expiresAt.getTime(),
})
const toDevice = (device: PairedDevice) => ({ ...device, pairedAt: device.pairedAt.getTime() })

export const createPairingWs = (pairings: PairingUseCases) =>
  implementWs(ws.devicePairing)({
    'device.pair.request': async ({ caller, params }) => pairings.request(caller, params),
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
