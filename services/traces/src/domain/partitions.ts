/** Which periods have a partition: those that are kept, some that are to come, and no others. */
import type { Logger } from '@clawmesh/chassis'
import type { PartitionStore } from '../store/partitions.ts'
import type { Calendar } from './calendar.ts'

const dayMs = 24 * 3_600_000
/** Periods are made so long before they begin that a replica may be away for the weekend. */
const daysAhead = 3

/** Periods whose every row is older than the retention are dropped: a row lives that long and at most a period more. */
export const isExpired = ({ endOf }: Calendar, period: string, now: number, retentionDays: number): boolean =>
  endOf(period) <= now - retentionDays * dayMs

/** The periods to drop of those that are there, and the periods to make. */
export const planPeriods = (calendar: Calendar, existing: readonly string[], now: number, retentionDays: number) => {
  const wanted = Array.from({ length: daysAhead + 1 }, (_, ahead) => calendar.periodOf(now + ahead * dayMs))
  return {
    drop: existing.filter((period) => isExpired(calendar, period, now, retentionDays)),
    create: [...new Set(wanted)].filter((period) => !existing.includes(period)),
  }
}

/** Keeps the partitions of a store in step with time. */
export const createPartitionKeeper = (store: PartitionStore, retentionDays: number, log: Logger) => {
  const { calendar, tables } = store
  const made = new Set<string>()
  const create = async (period: string) => {
    await store.create(period)
    made.add(period)
  }

  return {
    /** Makes the periods that begin soon and drops those whose time is over. Any number of replicas may do so at once. */
    sweep: async (now: number): Promise<void> => {
      const existing = await store.periods()
      for (const period of existing) made.add(period)
      const { create: missing, drop } = planPeriods(calendar, existing, now, retentionDays)
      for (const period of missing) await create(period)
      for (const period of drop) {
        await store.drop(period)
        made.delete(period)
        log.info({ period, tables }, 'dropped a partition whose time is over')
      }
      await store.deleteUnpartitioned(new Date(now - retentionDays * dayMs))
    },

    /** Makes sure that times have their partition where they may have one. Never fails: rows have the default one. */
    makeRoom: async (times: readonly string[], now: number): Promise<void> => {
      const missing = [...new Set(times.map(calendar.periodOf))].filter(
        (period) =>
          !made.has(period) &&
          !isExpired(calendar, period, now, retentionDays) &&
          Date.parse(period) <= now + daysAhead * dayMs,
      )
      try {
        for (const period of missing) await create(period)
      } catch (err) {
        log.warn({ err }, 'a partition could not be made, its rows go to the default one')
      }
    },
  }
}

export type PartitionKeeper = ReturnType<typeof createPartitionKeeper>
