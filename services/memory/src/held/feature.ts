/** How many documents, chunks, entities and relations agents hold, by the hour: reports of usage tell it. */
import type { Database, Feature, Logger, Part } from '@clawmesh/chassis'
import { createHeldRows, countHeld } from './rows.ts'
import { createHeldRpc } from './rpc.ts'

const everyMs = 15 * 60_000
/** As long as usage is kept unless set otherwise. */
const keptDays = 400

/** Counts now and every quarter of an hour. */
const countingPart = (count: () => Promise<void>, log: Logger): Part => {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  const countNow = async (): Promise<void> => {
    try {
      await count()
    } catch (err) {
      log.warn({ err }, 'what agents hold could not be counted')
    }
  }
  return {
    name: 'memory counts',
    start: async () => {
      running = countNow()
      timer = setInterval(() => {
        running = countNow()
      }, everyMs)
    },
    stop: async () => {
      clearInterval(timer)
      await running
    },
  }
}

export const createHeld = (database: Database, log: Logger) =>
  ({
    rpc: createHeldRpc(createHeldRows(database)),
    parts: [countingPart(() => countHeld(database, keptDays), log)],
  }) satisfies Feature & { rpc: object }
