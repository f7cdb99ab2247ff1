import { z } from 'zod'
import { epochMs } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

export const pairingCodePattern = /^[A-HJ-NP-Z2-9]{8}$/

const pairingRequest = z.object({
  code: z.string().regex(pairingCodePattern),
  sender_id: z.string(),
  channel: z.string(),
  chat_id: z.string(),
  account_id: z.string(),
  created_at: epochMs,
  expires_at: epochMs,
})
const pairedDevice = z.object({
  sender_id: z.string(),
  channel: z.string(),
  chat_id: z.string(),
  paired_at: epochMs,
  paired_by: z.string(),
})

const senderId = z.string().min(1).max(200)
const channel = z.string().min(1).max(255)
const code = z.string().trim().toUpperCase().min(1).max(20)
const scopes = ['operator.pairing'] as const

export const devicePairing = defineWsTable('identity', {
  'device.pair.request': {
    role: 'operator',
    scopes,
    summary: 'Ask for a code that pairs a sender; one that waits already gets its code again',
    rules: {
      givesTheCodeAgain:
        'A code has eight characters that cannot be taken for each other and holds an hour; the same sender on the same channel gets its pending code again',
      limitsPendingRequests: 'At most 3 requests of an account and 100 of a tenant are pending',
      refusesGuessableBrowsers: "A browser's id of fewer than 32 characters is refused, as it could be guessed",
    },
    params: z.object({
      senderId,
      channel,
      chatId: z.string().max(200).default(''),
      accountId: z.string().min(1).max(100).default('default'),
    }),
    result: z.object({ code: z.string().regex(pairingCodePattern) }),
    errors: ['RESOURCE_EXHAUSTED'],
  },
  'device.pair.approve': {
    role: 'admin',
    scopes,
    summary: "Pair the sender of one of the tenant's codes for 30 days",
    rules: {
      pairsForThirtyDays: 'The sender is paired with the tenant of the request for 30 days',
      knowsOwnCodesOnly: 'A code of another tenant is answered NOT_FOUND',
    },
    params: z.object({ code, approvedBy: z.string().min(1).max(100).default('operator') }),
    result: z.object({ paired: pairedDevice }),
    errors: ['NOT_FOUND'],
  },
  'device.pair.deny': {
    role: 'admin',
    scopes,
    summary: "Reject one of the tenant's codes",
    rules: {
      endsTheRequest: 'The request ends and its code is void',
      isDecidedOnce: 'Of several decisions on a code at once only one is made',
    },
    params: z.object({ code }),
    result: z.object({ denied: z.literal(true) }),
    errors: ['NOT_FOUND'],
  },
  'device.pair.list': {
    role: 'operator',
    scopes,
    summary: "The tenant's pending requests and paired devices, newest first",
    rules: {
      listsNewestFirst: 'Pending requests and paired devices are listed newest first; what has expired is removed',
    },
    params: z.object({}),
    result: z.object({ pending: z.array(pairingRequest), paired: z.array(pairedDevice) }),
    errors: [],
  },
  'device.pair.revoke': {
    role: 'admin',
    scopes,
    summary: 'End the pairing of a device; its connections are closed',
    rules: {
      closesConnections: 'Live connections that came in with the pairing are closed',
      takesAnIdAlone: 'The channel is `browser` unless said, and the sender may be named `id`',
    },
    params: z.object({ senderId, channel: channel.default('browser') }),
    aliases: { senderId: ['id'] },
    result: z.object({ revoked: z.literal(true) }),
    errors: ['NOT_FOUND'],
  },
})
