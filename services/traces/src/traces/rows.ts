/** What is written about traces beside them. */
import { event, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { RecordErasure } from './use-cases.ts'

export const createRecordErasure =
  ({ forTenant }: ServiceDb<PrismaClient>): RecordErasure =>
  (tenantId, userId, actor) =>
    forTenant(tenantId).change(async () => ({
      result: undefined,
      events: [event('tracesErased', { id: userId, ...actor })],
    }))
