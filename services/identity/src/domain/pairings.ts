/** Pairing: a browser or chat account without a credential shows a code, and an admin lets it in. */
import { randomBytes, randomUUID } from 'node:crypto'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, type Call } from '@clawmesh/chassis'
import type { IdentityStore } from '../store/store.ts'
import type { PairedDevice, PairingRequest, Sender } from './types.ts'

const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const codeLength = 8
const codeLifeMs = 60 * 60_000
const pairingLifeMs = 30 * 24 * 60 * 60_000
const maxPending = 3
const browser = 'browser'
/** A browser comes in by its sender id alone, so that must be beyond guessing. */
const minBrowserIdLength = 32

/** A code of eight characters that cannot be taken for each other; 32 of them, so each byte gives one evenly. */
export const newPairingCode = (): string =>
  Array.from(randomBytes(codeLength), (byte) => alphabet[byte % alphabet.length]).join('')

const unknownCode = (code: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'pairing code', id: code })

type Wanted = Sender & Pick<PairingRequest, 'chatId' | 'accountId'>

export const createPairingUseCases = (store: IdentityStore) => {
  const request = async (tenantId: string, wanted: Wanted): Promise<PairingRequest> => {
    const expiresAt = new Date(Date.now() + codeLifeMs)
    const asked = { id: newId(), tenantId, code: newPairingCode(), expiresAt, ...wanted }
    const stored = await store.pairings(tenantId).request(asked, maxPending)
    if (stored === undefined) throw new MeshError('RESOURCE_EXHAUSTED', 'error.too_many_pending_pairings')
    return stored
  }

  return {
    /**
     * The pending request of a sender, made unless there is one.
     * @throws INVALID_REQUEST for a browser whose id could be guessed, RESOURCE_EXHAUSTED
     */
    request: async ({ tenantId }: Caller, wanted: Wanted): Promise<PairingRequest> => {
      if (wanted.channel === browser && wanted.senderId.length < minBrowserIdLength)
        throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
          field: 'senderId',
          reason: `shorter than ${minBrowserIdLength} characters`,
        })
      return request(tenantId, wanted)
    },

    /**
     * The same for a browser, which nothing vouches for: its id is what it will come in with, so it gets one that
     * nobody can guess, and keeps it while it waits. @throws RESOURCE_EXHAUSTED
     */
    requestForBrowser: async (tenantId: string, senderId: string): Promise<PairingRequest> => {
      const pending =
        senderId === '' ? undefined : await store.pairings(tenantId).requestOf({ senderId, channel: browser })
      const made = { senderId: randomUUID(), channel: browser, chatId: '', accountId: 'default' }
      return pending ?? request(tenantId, made)
    },

    /** Pairs the sender of a code for 30 days. @throws NOT_FOUND */
    approve: async (call: Call, code: string, approvedBy: string): Promise<PairedDevice> => {
      const paired = { by: approvedBy, expiresAt: new Date(Date.now() + pairingLifeMs) }
      const device = await store.pairings(call.caller.tenantId).approve(code, paired, actorOf(call))
      if (device === undefined) throw unknownCode(code)
      return device
    },

    /** @throws NOT_FOUND */
    deny: async (call: Call, code: string): Promise<void> => {
      if (!(await store.pairings(call.caller.tenantId).deny(code, actorOf(call)))) throw unknownCode(code)
    },

    /** Ends a pairing; connections that came in with it are closed. @throws NOT_FOUND */
    revoke: async (call: Call, sender: Sender): Promise<void> => {
      if (!(await store.pairings(call.caller.tenantId).revoke(sender, actorOf(call))))
        throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'paired device', id: sender.senderId })
    },

    list: (caller: Caller): Promise<{ pending: PairingRequest[]; paired: PairedDevice[] }> =>
      store.pairings(caller.tenantId).list(),

    find: (tenantId: string, id: string): Promise<PairingRequest | undefined> =>
      store.pairings(tenantId).findRequest(id),

    /** Where a browser stands; `expired` also for one that never asked. */
    browserState: async (
      tenantId: string,
      senderId: string,
    ): Promise<{ status: 'approved' | 'pending' | 'expired'; expiresAt?: Date }> => {
      const sender = { senderId, channel: browser }
      const device = await store.pairings(tenantId).deviceOf(sender)
      if (device !== undefined) return { status: 'approved', expiresAt: device.expiresAt }
      const pending = await store.pairings(tenantId).requestOf(sender)
      return pending === undefined ? { status: 'expired' } : { status: 'pending', expiresAt: pending.expiresAt }
    },
  }
}

export type PairingUseCases = ReturnType<typeof createPairingUseCases>
