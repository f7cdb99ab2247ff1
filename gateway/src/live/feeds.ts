/** What each live connection is sent. */
import type { Bus, LogWatch } from '@clawmesh/chassis'
import { eventSubject, type Caller, type EventName } from '@clawmesh/contracts'
import { logRecordOf, maySeeRecord } from './log-records.ts'

/** Begins to send to a caller; gives the function that ends it. */
export type Feed = (caller: Caller, send: (frame: object) => void) => () => void

/** What consoles are told of, and from where they are told that it came. */
const sources: Partial<Record<EventName, 'webui' | 'provider'>> = {
  configApplied: 'webui',
  configPatched: 'webui',
  systemConfigSet: 'webui',
  systemConfigDeleted: 'webui',
  providerCreated: 'provider',
  providerUpdated: 'provider',
  providerDeleted: 'provider',
  channelInstanceCreated: 'webui',
  channelInstanceUpdated: 'webui',
  channelInstanceDeleted: 'webui',
}

/** The feeds by the operation that opens them. */
export const createFeeds = (bus: Pick<Bus, 'subscribe'>, logs: LogWatch): Readonly<Record<string, Feed>> => ({
  openLogsLive: (caller, send) =>
    logs.follow('debug', (record) => {
      if (maySeeRecord(caller, record)) send({ ok: true, type: 'log_entry', entry: logRecordOf(record) })
    }),

  openEventsLive: ({ tenantId }, send) => {
    send({ type: 'ready' })
    const stops = Object.entries(sources).map(([name, source]) =>
      bus.subscribe(eventSubject(name as EventName, tenantId), () => send({ type: 'config_changed', source })),
    )
    return () => stops.forEach((stop) => stop())
  },
})
