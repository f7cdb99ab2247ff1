/** Consumes events and delivers them while there is a webhook in the installation that is on; else nothing wakes for nothing. */
import { reasonOf, type Bus, type Logger, type Part } from '@clawmesh/chassis'

const changedSubject = 'mesh.webhooks.changed'
/** A signal may be missed. */
const lookMs = 60_000

interface Parts {
  bus: Pick<Bus, 'signal' | 'subscribe'>
  log: Logger
  isWanted: () => Promise<boolean>
  /** What is started while it is wanted, in this order: parts that were not started before. */
  work: () => readonly Part[]
  /** What is done now and then while there are webhooks. */
  tidy: () => Promise<void>
}

export interface Attention {
  part: Part
  /** Looks at once, and has the other replicas look. */
  changed: () => Promise<void>
}

export const createAttention = ({ bus, log, isWanted, work, tidy }: Parts): Attention => {
  let working: readonly Part[] = []
  let stopped = false
  let turn: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let unsubscribe = () => {}

  const rest = async (): Promise<void> => {
    for (const part of working.toReversed()) await part.stop?.()
    working = []
  }
  const follow = async (): Promise<void> => {
    const wanted = !stopped && (await isWanted())
    if (wanted === working.length > 0) return
    if (!wanted) return rest()
    working = work()
    try {
      for (const part of working) await part.start?.()
    } catch (thrown) {
      // Half of it at work would look like all of it the next time.
      await rest()
      throw thrown
    }
  }
  const look = (): Promise<void> =>
    (turn = turn.then(follow).catch((thrown: unknown) => {
      log.warn({ reason: reasonOf(thrown) }, 'webhooks cannot be looked for, their events wait')
    }))
  const lookAndTidy = async (): Promise<void> => {
    await look()
    if (working.length > 0)
      await tidy().catch((thrown: unknown) => log.warn({ reason: reasonOf(thrown) }, 'webhooks were not tidied'))
    if (!stopped) timer = setTimeout(() => void lookAndTidy(), lookMs)
  }

  return {
    changed: async () => {
      await look()
      bus.signal(changedSubject, {})
    },
    part: {
      name: 'webhooks',
      start: async () => {
        unsubscribe = bus.subscribe(changedSubject, () => void look())
        await lookAndTidy()
      },
      stop: async () => {
        stopped = true
        clearTimeout(timer)
        unsubscribe()
        await look()
      },
    },
  }
}
