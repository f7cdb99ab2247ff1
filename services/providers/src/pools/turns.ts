/** Whose turn it is in a pool, counted for all replicas. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'

/** The next turn of a pool, from 0. */
export const createTurns =
  (db: ServiceDb<PrismaClient>) =>
  async (tenantId: string, ownerId: string): Promise<number> => {
    const { rows } = await db.forTenant(tenantId).sql.prepared<{ turn: string }>(
      'next_turn',
      `INSERT INTO providers.pool_turns AS stored (provider_id, tenant_id, turn) VALUES ($1, $2, 0)
       ON CONFLICT (provider_id) DO UPDATE SET turn = stored.turn + 1 RETURNING turn`,
      [ownerId, tenantId],
    )
    return Number(rows[0]!.turn)
  }
