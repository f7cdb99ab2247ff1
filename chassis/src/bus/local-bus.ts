/** The bus of a single process. `emit` resolves when every consumer has handled the events, so none is lost. */
import type { CloudEvent } from '@clawmesh/contracts'
import type { Logger } from '../log/logger.ts'
import type { Bus, Consumer } from './bus.ts'

const matcher = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('.')
      .map((part) => (part === '*' ? '[^.]+' : part === '>' ? '.+' : RegExp.escape(part)))
      .join('\\.')}$`,
  )

/** A bus that lives and dies with the process. */
export const createLocalBus = (log: Logger): Bus => {
  const listeners = new Set<{ pattern: RegExp; handler: (message: unknown, subject: string) => void }>()
  const consumers = new Set<{ pattern: RegExp; consumer: Consumer }>()

  const signal = (subject: string, message: unknown) => {
    for (const { pattern, handler } of listeners) {
      if (!pattern.test(subject)) continue
      try {
        handler(message, subject)
      } catch (err) {
        log.error({ err, subject }, 'a bus listener failed')
      }
    }
  }

  return {
    signal,
    subscribe: (subject, handler) => {
      const listener = { pattern: matcher(subject), handler }
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    publishDurable: async (events) => {
      for (const { subject, event } of events) signal(subject, event)
      await Promise.all(
        [...consumers].map(async ({ pattern, consumer }) => {
          const wanted: CloudEvent[] = events.filter(({ subject }) => pattern.test(subject)).map(({ event }) => event)
          for (let from = 0; from < wanted.length; from += consumer.batchSize)
            await consumer.handle(wanted.slice(from, from + consumer.batchSize))
        }),
      )
    },
    consume: async (consumer) => {
      const entry = { pattern: matcher(consumer.subject), consumer }
      consumers.add(entry)
      return async () => void consumers.delete(entry)
    },
    onReconnect: () => undefined,
    connected: () => true,
    close: async () => {
      listeners.clear()
      consumers.clear()
    },
  }
}
