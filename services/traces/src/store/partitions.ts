/** Makes and drops the partitions of a day: one of traces and one of spans, always together. */
import type { Database } from '@clawmesh/chassis'
import { transaction, type Session } from './transaction.ts'

const tables = ['traces', 'spans'] as const
/** Queries wait behind a partition change that waits for a lock, so it does not wait for long. */
const lockTimeoutMs = 5_000

const dayPattern = /^\d{4}-\d\d-\d\d$/
const nextDay = (day: string) => new Date(Date.parse(day) + 24 * 3_600_000).toISOString().slice(0, 10)
const partitionName = (table: string, day: string) => `traces.${table}_p${day.replaceAll('-', '')}`

/** One replica at a time changes partitions. */
const begin = async (session: Session): Promise<void> => {
  await session.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`)
  await session.query(`SELECT pg_advisory_xact_lock(hashtext('clawmesh traces partitions'))`)
}

/** Attached rather than created in place, which would lock everybody out; rows the default partition has move along. */
const createPartition = async (session: Session, table: string, day: string): Promise<void> => {
  const name = partitionName(table, day)
  const [from, to] = [`'${day}T00:00:00Z'`, `'${nextDay(day)}T00:00:00Z'`]
  await session.query(`LOCK TABLE ONLY traces.${table} IN SHARE UPDATE EXCLUSIVE MODE`)
  await session.query(`LOCK TABLE traces.${table}_default IN ACCESS EXCLUSIVE MODE`)
  await session.query(`CREATE TABLE ${name} (LIKE traces.${table} INCLUDING DEFAULTS)`)
  await session.query(
    `WITH moved AS (
       DELETE FROM traces.${table}_default WHERE created_at >= ${from} AND created_at < ${to} RETURNING *
     ) INSERT INTO ${name} SELECT * FROM moved`,
  )
  await session.query(`ALTER TABLE traces.${table} ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`)
}

/** Days are UTC days such as `2026-11-20`. */
export const partitionStore = ({ pool }: Database) => ({
  /** The days that have partitions. */
  days: async (): Promise<string[]> => {
    const { rows } = await pool.query<{ name: string }>(
      `SELECT child.relname AS name FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
       WHERE inhparent = 'traces.traces'::regclass`,
    )
    return rows.flatMap(({ name }) => {
      const digits = /_p(\d{4})(\d\d)(\d\d)$/.exec(name)
      return digits === null ? [] : [digits.slice(1).join('-')]
    })
  },

  /** Makes the partitions of a day unless they are there. */
  create: async (day: string): Promise<void> => {
    if (!dayPattern.test(day)) throw new RangeError(`${day} is no day`)
    await transaction(pool, async (session) => {
      await begin(session)
      const { rows } = await session.query<{ exists: boolean }>(`SELECT to_regclass($1) IS NOT NULL AS exists`, [
        partitionName('traces', day),
      ])
      if (rows[0]!.exists) return
      for (const table of tables) await createPartition(session, table, day)
    })
  },

  /** Drops a day with all that was recorded on it. */
  drop: async (day: string): Promise<void> => {
    if (!dayPattern.test(day)) throw new RangeError(`${day} is no day`)
    await transaction(pool, async (session) => {
      await begin(session)
      // In the order in which the intake locks them.
      for (const table of tables) await session.query(`DROP TABLE IF EXISTS ${partitionName(table, day)}`)
    })
  },

  /** Deletes rows from before a time that no partition of a day has taken; there are hardly ever any. */
  deleteUnpartitioned: async (before: Date): Promise<void> => {
    for (const table of tables)
      await pool.query(`DELETE FROM traces.${table}_default WHERE created_at < $1`, [before.toISOString()])
  },
})

export type PartitionStore = ReturnType<typeof partitionStore>
