/** What traces consumes: the trace of every run, once it has ended, and every change that somebody made. */
import type { BatchConsumer } from '@clawmesh/chassis'
import { readActivity, type ActivityRecord } from '../activity/recording.ts'
import { readTraceEvent, type ReadingOptions } from './read-event.ts'
import type { ToldTrace } from './types.ts'

type Handle<T> = BatchConsumer<T>['handle']

/** Recorded traces of all tenants. */
export const traceIntake = (
  batchSize: number,
  reading: ReadingOptions,
  handle: Handle<ToldTrace>,
): BatchConsumer<ToldTrace> => ({
  name: 'intake',
  event: 'traceRecorded',
  batchSize,
  read: (event) => readTraceEvent(event, reading),
  handle,
})

const activityBatchSize = 200

/** Every event, since any service may tell of a change. */
export const activityIntake = (handle: Handle<ActivityRecord>): BatchConsumer<ActivityRecord> => ({
  name: 'activity',
  event: 'all',
  batchSize: activityBatchSize,
  read: readActivity,
  handle,
})
