/** Dead events, for Prometheus. */
import { eventType, events, type EventName } from '@clawmesh/contracts'
import { Counter, Gauge } from 'prom-client'
import { metricsRegistry } from '../lifecycle/probes.ts'

const registers = [metricsRegistry]
const labelNames = ['service', 'event'] as const

const kept = new Counter({
  name: 'clawmesh_dead_events_total',
  help: 'Events that a consumer could not handle',
  labelNames,
  registers,
})
const dropped = new Counter({
  name: 'clawmesh_dead_events_dropped_total',
  help: 'Those of them that were not kept, as the tenant has as many as it may',
  labelNames,
  registers,
})
export const waitingDeadEvents = new Gauge({
  name: 'clawmesh_dead_events_waiting',
  help: 'Dead events that nobody has replayed, as last counted',
  labelNames: ['service', 'consumer'],
  registers,
})

/** Types come from outside, labels from the table. */
const names = new Map((Object.keys(events) as EventName[]).map((name) => [eventType(name), name]))

/** Counts an event that could not be handled. @param type of the event; undefined when it is no event at all */
export const countDeadEvent = (service: string, type: string | undefined, isKept: boolean): void => {
  const labels = { service, event: names.get(type ?? '') ?? 'unknown' }
  kept.inc(labels)
  if (!isKept) dropped.inc(labels)
}
