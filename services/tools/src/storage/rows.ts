/** Who changed what is stored, told as events alone: the files themselves are in no table. */
import { event, type ChangeEvent, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { StorageRecord } from './use-cases.ts'

export const createStorageRecord = ({ forTenant }: ServiceDb<PrismaClient>): StorageRecord => {
  const record = (tenantId: string, change: ChangeEvent) =>
    forTenant(tenantId).change(async () => ({ result: undefined, events: [change] }))
  return {
    uploaded: (tenantId, path, actor) => record(tenantId, event('storageUploaded', { id: path, ...actor })),
    removed: (tenantId, path, actor) => record(tenantId, event('storageDeleted', { id: path, ...actor })),
    moved: (tenantId, from, to, actor) => record(tenantId, event('storageMoved', { id: from, to, ...actor })),
  }
}
