/** Idempotency keys: requests that run once, however often they are sent (docs/adr/0012). */
import type { Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createKeyPruningPart } from './pruning.ts'
import { createIdempotencyRows } from './rows.ts'
import { createIdempotencyRpc } from './rpc.ts'

export const createIdempotency = (mesh: Pick<Mesh, 'log' | 'secrets'>, db: ServiceDb<PrismaClient>) => {
  const rows = createIdempotencyRows(db, mesh.secrets)
  return {
    rpc: createIdempotencyRpc(rows.forTenant),
    parts: [createKeyPruningPart(rows.prune, mesh.log.child({ service: 'identity' }))],
  } satisfies Feature & Record<string, unknown>
}
