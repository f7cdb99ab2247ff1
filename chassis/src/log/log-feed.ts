/** Log records of every process of the mesh for whoever watches: nothing is sent while nobody does. */
import { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { createGathering } from '../bus/gather.ts'
import { isAtLeast, tailLevels, type LogTail, type TailedRecord, type TailLevel } from './log-tail.ts'

export const tailedRecord: z.ZodType<TailedRecord> = z.object({
  timestamp: z.number(),
  level: z.enum(tailLevels),
  message: z.string(),
  source: z.string().exactOptional(),
  attrs: z.record(z.string(), z.string()).exactOptional(),
  tenantId: z.string().exactOptional(),
  agentId: z.string().exactOptional(),
})

const watch = z.object({ watcher: z.string(), level: z.enum(tailLevels) })
const watchSubject = 'mesh.logs.watch'
const recordsSubject = 'mesh.logs.records'

/** A watcher says that it is there every so often; one that was silent for three times as long is gone. */
const renewMs = 5_000
const leaseMs = 3 * renewMs
/** Records of a moment go out together; beyond so many the rest of that moment's is left out. */
const batchMs = 100
const batchRecords = 100
/** Processes that take longer to tell their last records are left out. */
const waitMs = 300
const askedRecords = 200

const gatheringOn = (bus: Pick<Bus, 'signal' | 'subscribe'>) =>
  createGathering({
    bus,
    name: 'logs',
    questionSchema: z.object({ level: z.enum(tailLevels) }),
    answerSchema: z.array(tailedRecord),
    waitMs,
  })

/** Tells watchers on the bus what this process logs. Gives the function that ends it. */
export const serveLogs = (bus: Pick<Bus, 'signal' | 'subscribe'>, tail: LogTail): (() => void) => {
  const watchers = new Map<string, { level: TailLevel; untilMs: number }>()
  let batch: TailedRecord[] = []
  let timer: NodeJS.Timeout | undefined
  let unfollow: (() => void) | undefined

  const send = () => {
    timer = undefined
    const records = batch
    batch = []
    bus.signal(recordsSubject, records)
  }
  const isWatched = (level: TailLevel): boolean =>
    [...watchers.values()].some((watcher) => watcher.untilMs > Date.now() && isAtLeast(level, watcher.level))
  const take = (record: TailedRecord) => {
    if (![...watchers.values()].some(({ untilMs }) => untilMs > Date.now())) {
      watchers.clear()
      unfollow?.()
      unfollow = undefined
    } else if (isWatched(record.level) && batch.length < batchRecords) {
      batch.push(record)
      timer ??= setTimeout(send, batchMs).unref()
    }
  }

  const stopAnswering = gatheringOn(bus).answerWith(({ level }) => tail.recent(level, askedRecords))
  const stopWatching = bus.subscribe(watchSubject, (message) => {
    const { watcher, level } = watch.parse(message)
    watchers.set(watcher, { level, untilMs: Date.now() + leaseMs })
    unfollow ??= tail.follow(take)
  })
  return () => {
    clearTimeout(timer)
    unfollow?.()
    stopAnswering()
    stopWatching()
  }
}

export interface LogWatch {
  /** Of the records that were logged last, on any process, those of a level or above; oldest first. */
  recent: (level: TailLevel, limit: number) => Promise<TailedRecord[]>
  /** Calls back with records of a level or above from now on. Gives the function that ends it. */
  follow: (level: TailLevel, handler: (record: TailedRecord) => void) => () => void
}

/** Watches what the processes of the mesh log. */
export const createLogWatch = (bus: Pick<Bus, 'signal' | 'subscribe'>, watcher: string): LogWatch => {
  const handlers = new Map<symbol, { level: TailLevel; handle: (record: TailedRecord) => void }>()
  const gathering = gatheringOn(bus)
  let renewal: NodeJS.Timeout | undefined
  let unsubscribe: (() => void) | undefined

  const renew = () => {
    const least = tailLevels.find((level) => [...handlers.values()].some((each) => each.level === level))
    if (least !== undefined) bus.signal(watchSubject, { watcher, level: least })
  }
  const receive = (message: unknown) => {
    const records = z.array(tailedRecord).safeParse(message)
    for (const record of records.data ?? [])
      for (const { level, handle } of handlers.values()) if (isAtLeast(record.level, level)) handle(record)
  }

  return {
    recent: async (level, limit) => {
      const answers = await gathering.ask({ level })
      const records = answers.flat().sort((a, b) => a.timestamp - b.timestamp)
      return records.slice(-limit)
    },
    follow: (level, handle) => {
      const key = Symbol('watcher')
      handlers.set(key, { level, handle })
      unsubscribe ??= bus.subscribe(recordsSubject, receive)
      renewal ??= setInterval(renew, renewMs).unref()
      renew()
      return () => {
        handlers.delete(key)
        if (handlers.size > 0) return
        clearInterval(renewal)
        renewal = undefined
        unsubscribe?.()
        unsubscribe = undefined
      }
    },
  }
}
