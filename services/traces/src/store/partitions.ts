/** Has partitions made and dropped by the tables' owner: of tables that belong together, always together. */
import { days, months, type Calendar } from '../domain/calendar.ts'
import type { Database, Session } from '@clawmesh/chassis'

/** Tables whose rows share their periods. Each is partitioned by `created_at` and has a default partition. */
interface Partitioned {
  /** In the order in which the intake locks them. */
  tables: readonly [string, ...string[]]
  calendar: Calendar
}

export const tracePartitions: Partitioned = { tables: ['traces', 'spans'], calendar: days }
export const activityPartitions: Partitioned = { tables: ['activity_logs'], calendar: months }

/** Queries wait behind a partition change that waits for a lock, so it does not wait for long. */
const lockTimeoutMs = 5_000

const periodPattern = /^\d{4}-\d\d-\d\d$/
const partitionName = (table: string, period: string) => `traces.${table}_p${period.replaceAll('-', '')}`

/** A period and its bounds: from inclusive, to exclusive. */
interface Period {
  name: string
  from: string
  to: string
}

/** One replica at a time changes partitions. */
const begin = async (session: Session): Promise<void> => {
  await session.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`)
  await session.query(`SELECT pg_advisory_xact_lock(hashtext('clawmesh traces partitions'))`)
}

/** Periods go by the UTC day on which they begin, such as `2026-11-20`. */
export const createPartitionStore = ({ system }: Database, { tables, calendar }: Partitioned) => {
  /** @throws RangeError for what is no period */
  const toPeriod = (name: string): Period => {
    if (!periodPattern.test(name) || calendar.periodOf(name) !== name) throw new RangeError(`${name} is no period`)
    return { name, from: `${name}T00:00:00Z`, to: new Date(calendar.endOf(name)).toISOString() }
  }

  return {
    tables,
    calendar,

    /** The periods that have partitions. */
    periods: async (): Promise<string[]> => {
      const { rows } = await system.query<{ name: string }>(
        `SELECT child.relname AS name FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
         WHERE inhparent = 'traces.${tables[0]}'::regclass`,
      )
      return rows.flatMap(({ name }) => {
        const digits = /_p(\d{4})(\d\d)(\d\d)$/.exec(name)
        return digits === null ? [] : [digits.slice(1).join('-')]
      })
    },

    /** Makes the partitions of a period unless they are there. */
    create: async (name: string): Promise<void> => {
      const period = toPeriod(name)
      await system.transaction(async (session) => {
        await begin(session)
        const { rows } = await session.query<{ exists: boolean }>(`SELECT to_regclass($1) IS NOT NULL AS exists`, [
          partitionName(tables[0], name),
        ])
        if (rows[0]!.exists) return
        for (const table of tables)
          await session.query('SELECT traces.make_partition($1, $2, $3)', [table, period.from, period.to])
      })
    },

    /** Drops a period with all that was recorded in it. */
    drop: async (name: string): Promise<void> => {
      const period = toPeriod(name)
      await system.transaction(async (session) => {
        await begin(session)
        for (const table of tables) await session.query('SELECT traces.drop_partition($1, $2)', [table, period.from])
      })
    },

    /** Deletes rows from before a time that no partition of a period has taken; there are hardly ever any. */
    deleteUnpartitioned: async (before: Date): Promise<void> => {
      for (const table of tables)
        await system.query(`DELETE FROM traces.${table}_default WHERE created_at < $1`, [before.toISOString()])
    },
  }
}

export type PartitionStore = ReturnType<typeof createPartitionStore>
