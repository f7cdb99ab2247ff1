/** Idempotency keys: requests that run once, however often they are sent (docs/adr/0012). */
import type { Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createKeyPruningPart } from './pruning.ts'
import { createIdempotencyRows, createKeyPruner } from './rows.ts'
import { createIdempotencyRpc } from './rpc.ts'

export const createIdempotency = (mesh: Pick<Mesh, 'log' | 'secrets'>, db: ServiceDb<PrismaClient>) =>
  ({
    rpc: createIdempotencyRpc(createIdempotencyRows(db, mesh.secrets)),
    parts: [createKeyPruningPart(createKeyPruner(db), mesh.log.child({ service: 'identity' }))],
  }) satisfies Feature & Record<string, unknown>
