import { integer, type Setting } from '@clawmesh/chassis'
import { bucketSettings } from '@clawmesh/chassis/bucket'

export const storageSettings = {
  storageQuotaMb: {
    env: ['CLAWMESH_STORAGE_QUOTA_MB'],
    schema: integer(10_240, 0),
    about:
      'MiB that each tenant may keep in workspaces, uploads and media together; what commands write counts from the next count on; 0 is no limit',
  },
  ...bucketSettings(
    'Bucket that files of tenants are kept in, so that replicas share them; empty keeps them on the disk of the machine. Commands of agents need them on the disk',
  ),
} as const satisfies Record<string, Setting>
