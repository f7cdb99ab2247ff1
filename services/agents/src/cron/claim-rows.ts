/**
 * How replicas claim rows whose time has come (docs/adr/0025), alike for every table of them: of all replicas one works on a
 * row, and one that dies loses it.
 */
import { newId, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { Claimed, Claims } from './scheduler.ts'

interface Claimable {
  table: 'agents.cron_jobs' | 'agents.agent_heartbeats'
  /** What of a row is read, as SQL. */
  columns: string
  /** What else must hold of one that is taken, as SQL. */
  isReady?: string
  /** What else is set when work on one begins, as SQL. */
  begins: string
}

const lostAtOnce = 100

export const createClaimRows = <J extends Claimed>(
  db: ServiceDb<PrismaClient>,
  { table, columns, isReady = 'true', begins }: Claimable,
): Omit<Claims<J, unknown>, 'end'> => ({
  take: async ({ limit, exceptTenants, leaseMs }) => {
    const { rows } = await db.database.system.query<J>(
      `UPDATE ${table} SET claim = $1, claimed_until = now() + $2::float8 * interval '1 millisecond'
       WHERE id IN (
         SELECT id FROM ${table}
         WHERE claim IS NULL AND ((enabled AND next_run_at <= now()) OR asked_at IS NOT NULL)
           AND ${isReady} AND tenant_id <> ALL ($3::uuid[])
         ORDER BY coalesce(asked_at, next_run_at), id LIMIT $4 FOR UPDATE SKIP LOCKED)
       RETURNING ${columns}`,
      [newId(), leaseMs, exceptTenants, limit],
    )
    return rows
  },

  begin: async ({ id, claim }) => {
    const { rowCount } = await db.database.system.query(
      `UPDATE ${table} SET begun_at = now(), asked_at = NULL, last_run_at = now(), ${begins}
       WHERE id = $1 AND claim = $2 AND begun_at IS NULL`,
      [id, claim],
    )
    return rowCount === 1
  },

  renew: async (claimed, leaseMs) => {
    const { rows } = await db.database.system.query<{ id: string }>(
      `UPDATE ${table} AS held SET claimed_until = now() + $3::float8 * interval '1 millisecond'
       FROM unnest($1::uuid[], $2::uuid[]) AS mine (id, claim)
       WHERE held.id = mine.id AND held.claim = mine.claim RETURNING held.id`,
      [claimed.map(({ id }) => id), claimed.map(({ claim }) => claim), leaseMs],
    )
    return new Set(rows.map(({ id }) => id))
  },

  lost: async () => {
    await db.database.system.query(
      `UPDATE ${table} SET claim = NULL, claimed_until = NULL
       WHERE claim IS NOT NULL AND begun_at IS NULL AND claimed_until < now()`,
    )
    // What has not begun is free for others even where its lease ran out since.
    const { rows } = await db.database.system.query<Pick<J, 'id' | 'tenantId' | 'claim' | 'lastRunAt'>>(
      `SELECT id, tenant_id AS "tenantId", claim, last_run_at AS "lastRunAt" FROM ${table}
       WHERE claim IS NOT NULL AND begun_at IS NOT NULL AND claimed_until < now() ORDER BY claimed_until LIMIT $1`,
      [lostAtOnce],
    )
    return rows
  },
})
