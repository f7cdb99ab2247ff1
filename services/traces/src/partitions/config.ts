import { integer } from '@clawmesh/chassis'

export const partitionSettings = {
  retentionDays: {
    env: ['CLAWMESH_TRACE_RETENTION_DAYS'],
    schema: integer(7, 1, 3_650),
    about: 'Days that traces are kept; older ones are dropped with their day',
  },
  activityRetentionDays: {
    env: ['CLAWMESH_ACTIVITY_RETENTION_DAYS'],
    schema: integer(365, 1, 3_650),
    about: 'Days that the activity log is kept; older records are dropped with their month',
  },
} as const
