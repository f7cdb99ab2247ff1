/** Keys of requests that run once. One statement each: they are waited for, and gateways race for them. */
import type { SecretBox, SecretColumn, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { IdempotencyRows, KeyClaim } from './types.ts'

export const keptAnswers: SecretColumn = { table: 'idempotency_keys', column: 'answer' }

const keptHours = 24
/** Rows that one statement deletes. */
const pruneBatch = 1_000

interface Row {
  id: string
  answer: string | null
}

/** What a tenant's keys may take up. Of more the oldest finished ones go before their day is over. */
export interface KeptKeysLimits {
  keys: number
  /** Of sealed answers. */
  bytes: number
}
const defaultLimits: KeptKeysLimits = { keys: 100_000, bytes: 268_435_456 }
/** A tenant is counted once it has added this share of its limits, on this replica, since the last time. */
const countedShare = 1 / 64
/** Tenants whose additions are remembered; the others wait for the next pruning. */
const rememberedTenants = 10_000

/** The keys of a tenant. Answers are texts that are sealed here. */
export const createIdempotencyRows = (
  db: ServiceDb<PrismaClient>,
  secrets: SecretBox,
  limits: KeptKeysLimits = defaultLimits,
) => {
  const added = new Map<string, KeptKeysLimits>()

  /**
   * Deletes what a tenant has beyond its limits, the oldest first; returns how many. What still runs stays: refusing a
   * tenant's new requests instead would stop all its users for what one of them stored, while a retry comes within
   * minutes of its request, not after thousands of others.
   */
  const dropOldest = async (tenantId: string): Promise<number> => {
    added.delete(tenantId)
    const { rowCount } = await db.forTenant(tenantId).sql.query(
      `DELETE FROM identity.idempotency_keys WHERE tenant_id = $1 AND id IN (
         SELECT id FROM (
           SELECT id, row_number() OVER newest AS number, sum(octet_length(answer)) OVER newest AS bytes
           FROM identity.idempotency_keys WHERE tenant_id = $1 AND answer IS NOT NULL
           WINDOW newest AS (ORDER BY expires_at DESC, id DESC ROWS UNBOUNDED PRECEDING)
         ) AS finished WHERE number > $2 OR bytes > $3)`,
      [tenantId, limits.keys, limits.bytes],
    )
    return rowCount ?? 0
  }

  const dropOldestNowAndThen = async (tenantId: string, bytes: number): Promise<void> => {
    const before = added.get(tenantId) ?? { keys: 0, bytes: 0 }
    const now = { keys: before.keys + 1, bytes: before.bytes + bytes }
    if (now.keys >= limits.keys * countedShare || now.bytes >= limits.bytes * countedShare) {
      await dropOldest(tenantId)
      return
    }
    if (added.size < rememberedTenants || added.has(tenantId)) added.set(tenantId, now)
  }

  const forTenant = (tenantId: string): IdempotencyRows => {
    const { sql } = db.forTenant(tenantId)
    const place = (rowId: string) => ({ column: keptAnswers, tenantId, rowId })

    /** Takes a key that is free, expired, or held by a claim whose lease is over. */
    const take = async ({ scopeHash, claimId, leaseMs }: KeyClaim): Promise<boolean> => {
      const { rowCount } = await sql.query(
        `INSERT INTO identity.idempotency_keys AS held (id, tenant_id, scope_hash, lease_until, expires_at)
         VALUES ($1, $2, $3, now() + $4 * interval '1 millisecond', now() + interval '${keptHours} hours')
         ON CONFLICT (tenant_id, scope_hash) DO UPDATE
         SET id = excluded.id, lease_until = excluded.lease_until, expires_at = excluded.expires_at, answer = NULL
         WHERE held.expires_at <= now() OR (held.answer IS NULL AND held.lease_until <= now())`,
        [claimId, tenantId, scopeHash, leaseMs],
      )
      return rowCount === 1
    }

    return {
      claim: async (wanted) => {
        for (;;) {
          if (await take(wanted)) return { state: 'first' }
          const { rows } = await sql.query<Row>(
            'SELECT id, answer FROM identity.idempotency_keys WHERE tenant_id = $1 AND scope_hash = $2',
            [tenantId, wanted.scopeHash],
          )
          const [row] = rows
          // Gone between the two statements: its request was given up, so the key is free.
          if (row === undefined) continue
          return row.answer === null
            ? { state: 'running' }
            : { state: 'done', answer: secrets.open(row.answer, place(row.id)) }
        }
      },

      renew: async (claimId, leaseMs) => {
        const { rowCount } = await sql.query(
          `UPDATE identity.idempotency_keys SET lease_until = now() + $3 * interval '1 millisecond'
           WHERE id = $1 AND tenant_id = $2 AND answer IS NULL`,
          [claimId, tenantId, leaseMs],
        )
        return rowCount === 1
      },

      complete: async (claimId, answer) => {
        const sealed = secrets.seal(answer, place(claimId))
        await sql.query(
          'UPDATE identity.idempotency_keys SET answer = $3 WHERE id = $1 AND tenant_id = $2 AND answer IS NULL',
          [claimId, tenantId, sealed],
        )
        await dropOldestNowAndThen(tenantId, sealed.length)
      },

      abandon: async (claimId) => {
        await sql.query('DELETE FROM identity.idempotency_keys WHERE id = $1 AND tenant_id = $2 AND answer IS NULL', [
          claimId,
          tenantId,
        ])
      },
    }
  }

  return {
    forTenant,
    /** Deletes keys of all tenants that are over, and what tenants have beyond their limits; returns how many. */
    prune: async (): Promise<number> => {
      let pruned = 0
      for (const tenantId of [...added.keys()]) pruned += await dropOldest(tenantId)
      for (;;) {
        const { rowCount } = await db.system.sql.query(
          `DELETE FROM identity.idempotency_keys WHERE id IN (
             SELECT id FROM identity.idempotency_keys WHERE expires_at <= now() LIMIT ${pruneBatch}
             FOR UPDATE SKIP LOCKED)`,
        )
        pruned += rowCount ?? 0
        if ((rowCount ?? 0) < pruneBatch) return pruned
      }
    },
  }
}
