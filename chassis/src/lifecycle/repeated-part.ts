/** Work that is done again and again while a process runs. */
import type { Logger } from '../log/logger.ts'
import type { Part } from './lifecycle.ts'

interface Repeated {
  /** Of the part. */
  name: string
  everyMs: number
  work: () => Promise<unknown>
  /** What is logged when the work fails; it is done again all the same. */
  failure: string
  log: Logger
}

/** Works when it starts and every so often from then on. Stopping waits for what is under way. */
export const createRepeatedPart = ({ name, everyMs, work, failure, log }: Repeated): Part => {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<unknown> | undefined
  const workNow = () => {
    running = work().catch((err: unknown) => log.warn({ err }, failure))
  }
  return {
    name,
    start: async () => {
      workNow()
      timer = setInterval(workNow, everyMs)
    },
    stop: async () => {
      clearInterval(timer)
      await running
    },
  }
}
