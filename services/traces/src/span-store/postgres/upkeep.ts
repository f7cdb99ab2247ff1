/** Counts what was stored without being counted, and forgets hours and long texts whose time is over. */
import type { Logger, Part } from '@clawmesh/chassis'
import type { Append } from './append.ts'

const everyMs = 60_000
/** Traces of one transaction. */
const atOnce = 200

/** Looks at start and every minute, beside all else; any number of replicas may. */
export const createUpkeep = (
  { countUncounted, forgetHours }: Pick<Append, 'countUncounted' | 'forgetHours'>,
  dropBodies: () => Promise<void>,
  log: Logger,
): Part => {
  let timer: NodeJS.Timeout | undefined
  let working = Promise.resolve()
  let isStopping = false

  const look = async (): Promise<void> => {
    let counted = 0
    try {
      for (let some = atOnce; some === atOnce && !isStopping; counted += some) some = await countUncounted(atOnce)
      if (counted > 0) log.info({ traces: counted }, 'counted traces that the release before had stored')
      await forgetHours()
      await dropBodies()
    } catch (err) {
      log.warn({ err }, 'looking after what is kept of spans failed, trying again')
    }
  }
  const lookNext = () => void (working = working.then(look))

  return {
    name: 'upkeep of spans',
    start: async () => {
      lookNext()
      timer = setInterval(lookNext, everyMs)
    },
    stop: async () => {
      isStopping = true
      clearInterval(timer)
      await working
    },
  }
}
