/** Pairings: browsers and chat accounts without a credential that an admin lets in. */
import type { Feature, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createPairingRows } from './rows.ts'
import { createPairingRpc } from './rpc.ts'
import { createPairingUseCases } from './use-cases.ts'
import { createPairingWs } from './ws.ts'

export const createPairings = (db: ServiceDb<PrismaClient>) => {
  const pairings = createPairingUseCases(createPairingRows(db))
  return { ws: createPairingWs(pairings), rpc: createPairingRpc(pairings) } satisfies Feature & Record<string, unknown>
}
