/** What the activity log consumes: every event, since any service may publish a change. */
import type { BatchConsumer } from '@clawmesh/chassis'
import { readActivity, type ActivityRecord } from './recording.ts'

const batchSize = 200

export const activityIntake = (handle: BatchConsumer<ActivityRecord>['handle']): BatchConsumer<ActivityRecord> => ({
  name: 'activity',
  event: 'all',
  batchSize,
  read: readActivity,
  handle,
})
