/** What identity knows of who waits to be paired and who is. */
import type { ws } from '@clawmesh/contracts'
import type { ResponseShape } from '@clawmesh/chassis'

type Listed = ResponseShape<(typeof ws.devicePairing.methods)['device.pair.list']['result']>

export type PairingRequest = Omit<Listed['pending'][number], 'createdAt' | 'expiresAt'> & {
  id: string
  tenantId: string
  /** Address of a browser; null where an operator asked. */
  clientIp: string | null
  /** The connection on which a browser waits; null once that has closed. */
  connectionId: string | null
  expiresAt: Date
  createdAt: Date
}

export type PairedDevice = Omit<Listed['paired'][number], 'pairedAt'> & {
  id: string
  tenantId: string
  /** Whom it speaks for; null before it has named somebody. */
  userId: string | null
  pairedAt: Date
  expiresAt: Date
}

/** A sender on a channel, by the channel's own ids. */
export type Sender = Pick<PairingRequest, 'senderId' | 'channel'>

/** Where a browser waits. */
export interface Waiting {
  clientIp: string
  connectionId: string
}
