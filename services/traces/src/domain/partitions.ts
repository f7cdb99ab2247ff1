/** Which days have a partition: those that are kept, some that are to come, and no others. */
import type { Logger } from '@clawmesh/chassis'
import type { PartitionStore } from '../store/partitions.ts'

const dayMs = 24 * 3_600_000
/** Days that are made before they begin, so that a replica that is away for the weekend costs nothing. */
const daysAhead = 3

/** The UTC day of a time: `2026-11-20`. */
export const dayOf = (time: number | string | Date): string => new Date(time).toISOString().slice(0, 10)

/** Days whose every row is older than the retention are dropped: a row lives that long and at most a day more. */
export const isExpired = (day: string, now: number, retentionDays: number): boolean =>
  Date.parse(day) + dayMs <= now - retentionDays * dayMs

/** The days to drop of those that are there, and the days to make. */
export const planDays = (existing: readonly string[], now: number, retentionDays: number) => ({
  drop: existing.filter((day) => isExpired(day, now, retentionDays)),
  create: Array.from({ length: daysAhead + 1 }, (_, ahead) => dayOf(now + ahead * dayMs)).filter(
    (day) => !existing.includes(day),
  ),
})

/** Keeps partitions in step with time. */
export const partitionKeeper = (store: PartitionStore, retentionDays: number, log: Logger) => {
  const made = new Set<string>()
  const create = async (day: string) => {
    await store.create(day)
    made.add(day)
  }

  return {
    /** Makes the days that begin soon and drops those whose time is over. Any number of replicas may do so at once. */
    sweep: async (now: number): Promise<void> => {
      const existing = await store.days()
      for (const day of existing) made.add(day)
      const { create: missing, drop } = planDays(existing, now, retentionDays)
      for (const day of missing) await create(day)
      for (const day of drop) {
        await store.drop(day)
        made.delete(day)
        log.info({ day }, 'dropped the traces of a day')
      }
      await store.deleteUnpartitioned(new Date(now - retentionDays * dayMs))
    },

    /** Makes sure that days have their partition where they may have one. Never fails: rows have the default one. */
    makeRoom: async (days: ReadonlySet<string>, now: number): Promise<void> => {
      const missing = [...days].filter(
        (day) => !made.has(day) && !isExpired(day, now, retentionDays) && Date.parse(day) <= now + daysAhead * dayMs,
      )
      try {
        for (const day of missing) await create(day)
      } catch (err) {
        log.warn({ err }, 'a partition could not be made, its rows go to the default one')
      }
    },
  }
}

export type PartitionKeeper = ReturnType<typeof partitionKeeper>
