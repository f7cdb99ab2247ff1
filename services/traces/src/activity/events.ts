/** What the activity log consumes: every audit record, since any service may publish a change. */
import { auditEvents } from '@clawmesh/contracts'
import type { BatchConsumer } from '@clawmesh/chassis'
import { readActivity, type ActivityRecord } from './recording.ts'

const batchSize = 200

export const activityIntake = (handle: BatchConsumer<ActivityRecord>['handle']): BatchConsumer<ActivityRecord> => ({
  name: 'activity',
  events: auditEvents,
  batchSize,
  read: readActivity,
  handle,
})
