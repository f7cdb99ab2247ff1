/** Keys of requests that run once. One statement each: they are waited for, and gateways race for them. */
import type { Database, SecretBox } from '@clawmesh/chassis'
import type { KeyClaim, KeyState } from '../domain/idempotency.ts'
import { keptAnswers } from './secrets.ts'

const keptHours = 24
/** Rows that one statement deletes. */
const pruneBatch = 1_000

interface Row {
  id: string
  answer: string | null
}

/** The keys of a tenant. Answers are texts that are sealed here. */
export const createIdempotencyKeysStore = (database: Database, secrets: SecretBox) => {
  const forTenant = (tenantId: string) => {
    const scoped = database.forTenant(tenantId)
    const place = (rowId: string) => ({ column: keptAnswers, tenantId, rowId })

    /** Takes a key that is free, expired, or held by a claim whose lease is over. */
    const take = async ({ scopeHash, claimId, leaseMs }: KeyClaim): Promise<boolean> => {
      const { rowCount } = await scoped.query(
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
      claim: async (wanted: KeyClaim): Promise<KeyState> => {
        for (;;) {
          if (await take(wanted)) return { state: 'first' }
          const { rows } = await scoped.query<Row>(
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

      /** False when somebody else holds the key by now. */
      renew: async (claimId: string, leaseMs: number): Promise<boolean> => {
        const { rowCount } = await scoped.query(
          `UPDATE identity.idempotency_keys SET lease_until = now() + $3 * interval '1 millisecond'
           WHERE id = $1 AND tenant_id = $2 AND answer IS NULL`,
          [claimId, tenantId, leaseMs],
        )
        return rowCount === 1
      },

      complete: async (claimId: string, answer: string): Promise<void> => {
        await scoped.query(
          'UPDATE identity.idempotency_keys SET answer = $3 WHERE id = $1 AND tenant_id = $2 AND answer IS NULL',
          [claimId, tenantId, secrets.seal(answer, place(claimId))],
        )
      },

      abandon: async (claimId: string): Promise<void> => {
        await scoped.query(
          'DELETE FROM identity.idempotency_keys WHERE id = $1 AND tenant_id = $2 AND answer IS NULL',
          [claimId, tenantId],
        )
      },
    }
  }

  return {
    idempotencyKeys: forTenant,
    /** Deletes keys of all tenants that are over; returns how many. */
    pruneIdempotencyKeys: async (): Promise<number> => {
      let pruned = 0
      for (;;) {
        const { rowCount } = await database.system.query(
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

export type IdempotencyKeysStore = ReturnType<typeof createIdempotencyKeysStore>
