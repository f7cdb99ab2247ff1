/** Ends reservations whose process died before it could settle them. */
import type { Logger, Part } from '@clawmesh/chassis'
import type { Ledger } from './ledger.ts'
import { countExpired } from './metrics.ts'

const mostAtOnce = 200

export const createSweep = (ledger: Pick<Ledger, 'expire' | 'forget'>, everyMs: number, log: Logger): Part => {
  let timer: NodeJS.Timeout | undefined
  let working = Promise.resolve()
  const sweep = async (): Promise<void> => {
    try {
      const expired = await ledger.expire(mostAtOnce)
      if (expired > 0) {
        countExpired(expired)
        log.warn({ expired }, 'reservations of usage were not settled in time and are counted as used')
      }
      await ledger.forget()
    } catch (err) {
      log.warn({ err }, 'looking for reservations whose time is over failed')
    }
  }
  return {
    name: 'usage reservations',
    start: async () => {
      timer = setInterval(() => {
        working = working.then(sweep)
      }, everyMs)
    },
    stop: async () => {
      clearInterval(timer)
      await working
    },
  }
}
