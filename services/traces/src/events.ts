/** What traces hears of: the trace of every run, once it has ended. */
import { eventSubject, type CloudEvent } from '@clawmesh/contracts'
import type { Bus, Part, Stop } from '@clawmesh/chassis'

/** Consumes recorded traces of all tenants; replicas share the work. */
export const intakePart = (
  bus: Bus,
  batchSize: number,
  handle: (batch: readonly CloudEvent[]) => Promise<void>,
): Part => {
  let stop: Stop | undefined
  return {
    name: 'traces intake',
    start: async () => {
      stop = await bus.consume({
        durable: 'traces-intake',
        subject: eventSubject('traceRecorded', '*'),
        batchSize,
        handle,
      })
    },
    stop: async () => stop?.(),
  }
}
