/** What traces hears of: the trace of every run, once it has ended, and every change that somebody made. */
import { eventStream, eventSubject, type CloudEvent } from '@clawmesh/contracts'
import type { Bus, Consumer, Part, Stop } from '@clawmesh/chassis'

type Handle = (batch: readonly CloudEvent[]) => Promise<void>

const consumerPart = (name: string, bus: Bus, consumer: Consumer): Part => {
  let stop: Stop | undefined
  return {
    name,
    start: async () => {
      stop = await bus.consume(consumer)
    },
    stop: async () => stop?.(),
  }
}

/** Consumes recorded traces of all tenants; replicas share the work. */
export const intakePart = (bus: Bus, batchSize: number, handle: Handle): Part =>
  consumerPart('traces intake', bus, {
    durable: 'traces-intake',
    subject: eventSubject('traceRecorded', '*'),
    batchSize,
    handle,
  })

const activityBatchSize = 200

/** Consumes every event, since any service may tell of a change; replicas share the work. */
export const activityPart = (bus: Bus, handle: Handle): Part =>
  consumerPart('traces activity', bus, {
    durable: 'traces-activity',
    subject: eventStream.subjects[0]!,
    batchSize: activityBatchSize,
    handle,
  })
