/** Takes up summonings whose jobs were never written: a process may have ended between a summoning's row and its job. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger, Part } from '@clawmesh/chassis'
import type { StartSummoning } from './use-cases.ts'

const retryMs = 5_000

interface TakeUp {
  open: () => Promise<{ tenantId: string; agentId: string; id: string }[]>
  start: StartSummoning
  log: Logger
  /** Until it is tried again after the database did not answer. */
  againMs?: number
}

/** Work that goes on beside the start of the process, which ends by nothing that the database does. */
export const createTakeUp = ({ open, start, log, againMs = retryMs }: TakeUp): Part => {
  const stop = new AbortController()
  let running: Promise<void> | undefined

  const work = async (): Promise<void> => {
    while (!stop.signal.aborted)
      try {
        for (const { tenantId, agentId, id } of await open()) await start(tenantId, agentId, id)
        return
      } catch (err) {
        log.warn({ err }, 'open summonings could not be taken up yet')
        await sleep(againMs, undefined, { signal: stop.signal }).catch(() => undefined)
      }
  }

  return {
    name: 'summonings',
    start: async () => {
      running = work()
    },
    stop: async () => {
      stop.abort()
      await running
    },
  }
}
