/** What the intake consumes: every run that has ended, for its trace. */
import type { BatchConsumer } from '@clawmesh/chassis'
import { readTraceEvent, type ReadingOptions } from './read-event.ts'
import type { TraceReport } from './types.ts'

/** Recorded traces of all tenants. */
export const traceIntake = (
  batchSize: number,
  reading: ReadingOptions,
  handle: BatchConsumer<TraceReport>['handle'],
): BatchConsumer<TraceReport> => ({
  name: 'intake',
  events: ['runEnded'],
  batchSize,
  read: (event) => readTraceEvent(event, reading),
  handle,
})
