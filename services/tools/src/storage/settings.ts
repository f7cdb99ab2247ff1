import { integer, type Setting } from '@clawmesh/chassis'

export const storageSettings = {
  storageQuotaMb: {
    env: ['CLAWMESH_STORAGE_QUOTA_MB'],
    schema: integer(10_240, 0),
    about:
      'MiB that each tenant may keep in workspaces, uploads and media together; what commands write counts from the next count on; 0 is no limit',
  },
} as const satisfies Record<string, Setting>
