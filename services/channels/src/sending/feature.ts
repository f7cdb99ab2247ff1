/** Texts that the tenant sends to chats by itself. */
import type { Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { Adapters } from '../adapters/table.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createSendingRows } from './rows.ts'
import { createSendingRpc } from './rpc.ts'
import { createSendingUseCases } from './use-cases.ts'
import { createSendingWs } from './ws.ts'

export const createSending = (mesh: Mesh, db: ServiceDb<PrismaClient>, adapters: Adapters) => {
  const sending = createSendingUseCases({ rowsOf: createSendingRows(db, mesh.secrets), adapters })
  return {
    ws: createSendingWs(sending, mesh.log.child({ service: 'channels' })),
    rpc: createSendingRpc(sending, adapters),
  } satisfies Feature & { rpc: object }
}
