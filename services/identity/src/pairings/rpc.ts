import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { uuid } from '@clawmesh/contracts'
import { validate, type RpcFunctions } from '@clawmesh/chassis'
import { z } from 'zod'
import type { PairingUseCases } from './use-cases.ts'

/** Of an IPv6 address that ends in an IPv4 one. */
const maxAddressLength = 45
const onConnection = z.object({ connectionId: uuid })
const left = onConnection.extend({ requestId: uuid })
const unknown = { found: false, code: '', senderId: '', channel: '', chatId: '' }

export const createPairingRpc = (pairings: PairingUseCases) =>
  ({
    resolvePairing: async (_call, { tenantId, senderId }) => {
      const { status, expiresAt, userId } = await pairings.browserState(tenantId, senderId)
      return { status, expiresAtMs: expiresAt?.getTime() ?? 0, userId: userId ?? '' }
    },
    requestPairing: async ({ caller, clientIp = '' }, { tenantId, senderId, ...rest }) => {
      const { connectionId } = validate(onConnection, rest, caller.locale)
      const waiting = { clientIp: clientIp.slice(0, maxAddressLength), connectionId }
      const { id, code, senderId: given } = await pairings.requestForBrowser(tenantId, senderId, waiting)
      return { requestId: id, code, senderId: given }
    },
    bindPairing: async (_call, { tenantId, senderId, userId }) => ({
      userId: (await pairings.bindBrowser(tenantId, senderId, userId)) ?? '',
    }),
    leavePairing: async ({ caller }, { tenantId, ...rest }) => {
      const { requestId, connectionId } = validate(left, rest, caller.locale)
      await pairings.leave(tenantId, requestId, connectionId)
      return {}
    },
    getPairingRequest: async ({ caller }, { id }) => {
      const request = uuid.safeParse(id).success ? await pairings.find(caller.tenantId, id) : undefined
      if (request === undefined) return unknown
      const { code, senderId, channel, chatId } = request
      return { found: true, code, senderId, channel, chatId }
    },
  }) satisfies Partial<RpcFunctions<typeof IdentityServiceService>>
