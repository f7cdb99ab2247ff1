/** Pairing: a browser or chat account without a credential shows a code, and an admin lets it in. */
import { randomBytes, randomUUID } from 'node:crypto'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, type Actor, type Call } from '@clawmesh/chassis'
import type { PairedDevice, PairingRequest, Sender, Waiting } from './types.ts'

/** Who waits to be paired with one tenant, and who is. What has expired is as good as absent. */
export interface PairingRows {
  findRequest: (id: string) => Promise<PairingRequest | undefined>
  requestOf: (sender: Sender) => Promise<PairingRequest | undefined>
  deviceOf: (sender: Sender) => Promise<PairedDevice | undefined>
  /**
   * Stores a request unless the sender has one; undefined when too many are pending. Those of browsers whose connections
   * have closed make room, the oldest first.
   */
  request: (wanted: Omit<PairingRequest, 'createdAt'>, most: MostPending) => Promise<PairingRequest | undefined>
  /** A browser goes on waiting on another connection. */
  resume: (id: string, waiting: Waiting) => Promise<void>
  /** A connection on which a browser waited has closed. Nothing when it waits on another by now. */
  leave: (id: string, connectionId: string) => Promise<void>
  /** Binds a device to a user unless it is bound, and gives whose it is; undefined when it is not paired. */
  bind: (sender: Sender, userId: string) => Promise<string | undefined>
  /** Turns the request with a code into a paired device; undefined when there is none. */
  approve: (code: string, paired: { by: string; expiresAt: Date }, actor: Actor) => Promise<PairedDevice | undefined>
  /** False when there is no request with the code. */
  deny: (code: string, actor: Actor) => Promise<boolean>
  /** False when the sender is not paired. */
  revoke: (sender: Sender, actor: Actor) => Promise<boolean>
  /** Newest first; what has expired is removed. */
  list: () => Promise<{ pending: PairingRequest[]; paired: PairedDevice[] }>
}

const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const codeLength = 8
const codeLifeMs = 60 * 60_000
const pairingLifeMs = 30 * 24 * 60 * 60_000
const browser = 'browser'
/** A browser comes in by its sender id alone, so that must be beyond guessing. */
const minBrowserIdLength = 32

/** How many requests may be pending. */
interface MostPending {
  /** Of a browser's address, or of an account for which an operator asks. */
  readonly ofOne: number
  readonly ofTenant: number
}
const mostPending: MostPending = { ofOne: 3, ofTenant: 100 }

/** A code of eight characters that cannot be taken for each other; 32 of them, so each byte gives one evenly. */
export const newPairingCode = (): string =>
  Array.from(randomBytes(codeLength), (byte) => alphabet[byte % alphabet.length]).join('')

const unknownCode = (code: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'pairing code', id: code })

type Wanted = Sender & Pick<PairingRequest, 'chatId' | 'accountId'>
const byOperator = { clientIp: null, connectionId: null }

export const createPairingUseCases = (rowsOf: (tenantId: string) => PairingRows) => {
  const request = async (tenantId: string, wanted: Wanted & (Waiting | typeof byOperator)): Promise<PairingRequest> => {
    const expiresAt = new Date(Date.now() + codeLifeMs)
    const asked = { id: newId(), tenantId, code: newPairingCode(), expiresAt, ...wanted }
    const stored = await rowsOf(tenantId).request(asked, mostPending)
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
      return request(tenantId, { ...wanted, ...byOperator })
    },

    /**
     * The same for a browser, which nothing vouches for: its id is what it will come in with, so it gets one that
     * nobody can guess, and keeps it while it waits. @throws RESOURCE_EXHAUSTED
     */
    requestForBrowser: async (tenantId: string, senderId: string, waiting: Waiting): Promise<PairingRequest> => {
      const rows = rowsOf(tenantId)
      const pending = senderId === '' ? undefined : await rows.requestOf({ senderId, channel: browser })
      if (pending === undefined)
        return request(tenantId, {
          ...waiting,
          senderId: randomUUID(),
          channel: browser,
          chatId: '',
          accountId: 'default',
        })
      await rows.resume(pending.id, waiting)
      return pending
    },

    /** The connection on which a browser waited has closed: its request is the first to make room for others. */
    leave: (tenantId: string, requestId: string, connectionId: string): Promise<void> =>
      rowsOf(tenantId).leave(requestId, connectionId),

    /** Binds a paired browser to the first user whom it names, and gives whose it is; undefined when it is not paired. */
    bindBrowser: (tenantId: string, senderId: string, userId: string): Promise<string | undefined> =>
      rowsOf(tenantId).bind({ senderId, channel: browser }, userId),

    /** Pairs the sender of a code for 30 days. @throws NOT_FOUND */
    approve: async (call: Call, code: string, approvedBy: string): Promise<PairedDevice> => {
      const paired = { by: approvedBy, expiresAt: new Date(Date.now() + pairingLifeMs) }
      const device = await rowsOf(call.caller.tenantId).approve(code, paired, actorOf(call))
      if (device === undefined) throw unknownCode(code)
      return device
    },

    /** @throws NOT_FOUND */
    deny: async (call: Call, code: string): Promise<void> => {
      if (!(await rowsOf(call.caller.tenantId).deny(code, actorOf(call)))) throw unknownCode(code)
    },

    /** Ends a pairing; connections that came in with it are closed. @throws NOT_FOUND */
    revoke: async (call: Call, sender: Sender): Promise<void> => {
      if (!(await rowsOf(call.caller.tenantId).revoke(sender, actorOf(call))))
        throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'paired device', id: sender.senderId })
    },

    list: (caller: Caller): Promise<{ pending: PairingRequest[]; paired: PairedDevice[] }> =>
      rowsOf(caller.tenantId).list(),

    find: (tenantId: string, id: string): Promise<PairingRequest | undefined> => rowsOf(tenantId).findRequest(id),

    /** Where a browser stands; `expired` also for one that never asked. */
    browserState: async (
      tenantId: string,
      senderId: string,
    ): Promise<{ status: 'approved' | 'pending' | 'expired'; expiresAt?: Date; userId?: string | null }> => {
      const sender = { senderId, channel: browser }
      const device = await rowsOf(tenantId).deviceOf(sender)
      if (device !== undefined) return { status: 'approved', expiresAt: device.expiresAt, userId: device.userId }
      const pending = await rowsOf(tenantId).requestOf(sender)
      return pending === undefined ? { status: 'expired' } : { status: 'pending', expiresAt: pending.expiresAt }
    },
  }
}

export type PairingUseCases = ReturnType<typeof createPairingUseCases>
