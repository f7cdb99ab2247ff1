/** What the intake consumes: every run that has ended, for its trace. */
import type { BatchConsumer } from '@clawmesh/chassis'
import { readTraceEvent } from './read-event.ts'
import type { TraceReport } from './types.ts'

/** Recorded traces of all tenants. */
export const traceIntake = (
  batchSize: number,
  previewLimit: number,
  handle: BatchConsumer<TraceReport>['handle'],
): BatchConsumer<TraceReport> => ({
  name: 'intake',
  events: ['runEnded'],
  batchSize,
  read: (event) => readTraceEvent(event, previewLimit),
  handle,
})
