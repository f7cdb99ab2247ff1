/** A service's `jobs` table: work that waits, is worked on, or is dead until an operator replays it. */
import type { Database } from '../db/database.ts'
import { newId } from '../ids/ids.ts'

/** Dead jobs are kept this long. */
const keptDead = '30 days'
const prunedAtOnce = 500

export interface NewJob {
  /** While a job of this name and key waits, it stands for this one too. */
  key: string | undefined
  data: unknown
  /** Not before, milliseconds from now. */
  afterMs: number
}

/** A job that this process may work on until its claim runs out. */
export interface ClaimedJob {
  id: string
  tenantId: string
  name: string
  data: unknown
  /** This attempt included. */
  attempts: number
  /** Of this claim; who has another one may no longer say how the job ended. */
  claim: string
}

export interface DeadJob {
  id: string
  name: string
  tenantId: string
  key: string | null
  data: unknown
  attempts: number
  error: string
  createdAt: Date
  deadAt: Date
}

interface JobCount {
  name: string
  waiting: number
  dead: number
}

interface Claiming {
  /** How long a claim of each job lasts, milliseconds, by its name. */
  claimMs: Readonly<Record<string, number>>
  /** Tenants that have as many of this process's places as they may. */
  exceptTenants: readonly string[]
  limit: number
}

/** Written in a tenant's scope, worked on in the system's: workers serve all tenants. */
export const createJobRows = ({ forTenant, system, schema }: Database) => {
  const table = `"${schema}".jobs`
  const mine = 'id = $1 AND claim = $2'

  return {
    /** Whether the schema has the table. */
    exist: async (): Promise<boolean> => {
      const { rows } = await system.query<{ exist: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exist', [table])
      return rows[0]!.exist
    },

    /** Keys are unlike each other. */
    add: async (tenantId: string, name: string, jobs: readonly NewJob[]): Promise<void> => {
      await forTenant(tenantId).query(
        `INSERT INTO ${table} AS job (id, tenant_id, name, key, data, run_at)
         SELECT id, $1, $2, key, data, now() + after_ms * interval '1 millisecond'
         FROM jsonb_to_recordset($3::jsonb) AS added (id uuid, key text, data jsonb, after_ms float8)
         ON CONFLICT (tenant_id, name, key) WHERE dead_at IS NULL DO UPDATE SET
           data = excluded.data, again = job.again OR job.claim IS NOT NULL`,
        [
          tenantId,
          name,
          JSON.stringify(jobs.map(({ key, data, afterMs }) => ({ id: newId(), key, data, after_ms: afterMs }))),
        ],
      )
    },

    /** Claims jobs whose time has come, the oldest first; each claim is an attempt. */
    claim: async ({ claimMs, exceptTenants, limit }: Claiming): Promise<ClaimedJob[]> => {
      const { rows } = await system.query<ClaimedJob>(
        `UPDATE ${table} SET attempts = attempts + 1, claim = $3,
           run_at = now() + ($1::jsonb->>name)::float8 * interval '1 millisecond'
         WHERE id IN (
           SELECT id FROM ${table}
           WHERE dead_at IS NULL AND run_at <= now() AND $1::jsonb ? name AND tenant_id <> ALL ($2::uuid[])
           ORDER BY run_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
         ) RETURNING id, tenant_id AS "tenantId", name, data, attempts, claim`,
        [JSON.stringify(claimMs), exceptTenants, newId(), limit],
      )
      return rows
    },

    /** The job is done, unless it was asked for again meanwhile. False when the claim had run out. */
    finish: async (id: string, claim: string): Promise<boolean> => {
      const { rows } = await system.query(
        `WITH gone AS (DELETE FROM ${table} WHERE ${mine} AND NOT again RETURNING id), renewed AS (
           UPDATE ${table} SET again = false, attempts = 0, claim = NULL, run_at = now(), error = NULL
           WHERE ${mine} AND again RETURNING id
         ) SELECT id FROM gone UNION ALL SELECT id FROM renewed`,
        [id, claim],
      )
      return rows.length > 0
    },

    /** Another attempt after a pause. @param counts false where it was not the job's fault */
    retry: async (id: string, claim: string, error: string, pauseMs: number, counts = true): Promise<void> => {
      await system.query(
        `UPDATE ${table} SET claim = NULL, error = $3, run_at = now() + $4::float8 * interval '1 millisecond',
           attempts = attempts - $5::int
         WHERE ${mine}`,
        [id, claim, error, pauseMs, counts ? 0 : 1],
      )
    },

    /** Keeps a job as dead, in place of one of its name and key that died before. */
    bury: async (id: string, claim: string, error: string, maxDead: number): Promise<void> => {
      const { rows } = await system.query<{ tenantId: string; name: string; key: string }>(
        `UPDATE ${table} SET claim = NULL, again = false, error = $3, dead_at = now() WHERE ${mine}
         RETURNING tenant_id AS "tenantId", name, key`,
        [id, claim, error],
      )
      const [buried] = rows
      if (buried === undefined) return
      // By itself, afterwards: of jobs that die at once, the last to come here sees them all.
      await system.query(
        `DELETE FROM ${table} WHERE tenant_id = $1 AND dead_at IS NOT NULL
           AND ((name = $3 AND key = $4 AND id <> $2) OR id IN (
             SELECT id FROM ${table} WHERE tenant_id = $1 AND dead_at IS NOT NULL
             ORDER BY dead_at DESC, id DESC OFFSET $5 LIMIT ${prunedAtOnce}))`,
        [buried.tenantId, id, buried.name, buried.key, maxDead],
      )
    },

    prune: async (): Promise<void> => {
      await system.query(
        `DELETE FROM ${table} WHERE id IN (
           SELECT id FROM ${table} WHERE dead_at < now() - interval '${keptDead}' LIMIT ${prunedAtOnce})`,
      )
    },

    /** How many there are, by name. */
    count: async (): Promise<JobCount[]> => {
      const { rows } = await system.query<JobCount>(
        `SELECT name, count(*) FILTER (WHERE dead_at IS NULL) AS waiting, count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead
         FROM ${table} GROUP BY name`,
      )
      return rows
    },

    /** The oldest first. */
    listDead: async (limit: number): Promise<DeadJob[]> => {
      const { rows } = await system.query<DeadJob>(
        `SELECT id, name, tenant_id AS "tenantId", key, data, attempts, error, created_at AS "createdAt", dead_at AS "deadAt"
         FROM ${table} WHERE dead_at IS NOT NULL ORDER BY dead_at, id LIMIT $1`,
        [limit],
      )
      return rows
    },

    /** Lets one dead job, or all of them, wait for its attempts anew; how many. One that was asked for again meanwhile stays. */
    replay: async (id?: string): Promise<number> => {
      const { rowCount } = await system.query(
        `UPDATE ${table} dead SET dead_at = NULL, attempts = 0, run_at = now()
         WHERE dead_at IS NOT NULL AND ($1::uuid IS NULL OR id = $1) AND NOT EXISTS (
           SELECT FROM ${table} live WHERE live.tenant_id = dead.tenant_id AND live.name = dead.name
             AND live.key = dead.key AND live.dead_at IS NULL)`,
        [id ?? null],
      )
      return rowCount!
    },
  }
}

export type JobRows = ReturnType<typeof createJobRows>
