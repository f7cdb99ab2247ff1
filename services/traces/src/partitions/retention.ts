/** The worker that makes partitions ahead of time and drops those whose time is over. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger, Part } from '@clawmesh/chassis'
import type { PartitionKeeper } from './use-cases.ts'

const everyMs = 3_600_000
const afterFailureMs = 30_000

/** Sweeps at start, so that intakes find their partitions, and every hour. A failure is tried again, not fatal. */
export const retentionPart = (keepers: readonly PartitionKeeper[], log: Logger): Part => {
  const abort = new AbortController()
  let running: Promise<void> | undefined

  const sweep = async (): Promise<boolean> => {
    try {
      for (const partitions of keepers) await partitions.sweep(Date.now())
      return true
    } catch (err) {
      log.warn({ err }, 'sweeping partitions failed, trying again')
      return false
    }
  }

  const loop = async (swept: boolean): Promise<void> => {
    for (let done = swept; ; done = await sweep()) {
      await sleep(done ? everyMs : afterFailureMs, undefined, { signal: abort.signal, ref: false }).catch(
        () => undefined,
      )
      if (abort.signal.aborted) return
    }
  }

  return {
    name: 'traces retention',
    start: async () => {
      running = loop(await sweep())
    },
    stop: async () => {
      abort.abort()
      await running
    },
  }
}
