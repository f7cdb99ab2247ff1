/** The activity log: one record for each event that tells who changed what. Idempotent by the event's id. */
import { auditActionOf, changed, type CloudEvent, type http } from '@clawmesh/contracts'
import { z } from 'zod'
import { toIso } from '../partitions/calendar.ts'
import { cleanJson, cleanLabel } from '../intake/clean.ts'
import type { PartitionKeeper } from '../partitions/use-cases.ts'

type ActivityLog = z.output<(typeof http.activity.operations.listActivity.response)[200]>['logs'][number]

/** A record as it is stored: an event, a row and an answer are one shape here. */
export interface ActivityRecord extends ActivityLog {
  tenant_id: string
}

/** The rows of all tenants. */
export interface ActivityRecordRows {
  /** Adds records in one statement; those that are there already stay as they are. */
  add: (records: readonly ActivityRecord[]) => Promise<void>
}

/** Characters that are kept of each text in the details. */
const detailLimit = 2_000

const envelope = z.object({ id: z.uuid(), tenantid: z.uuid(), time: z.coerce.date(), data: changed.loose() })

/**
 * The record of an event; undefined for an event that is none.
 * @throws ZodError, RangeError when it should be one and cannot be stored
 */
export const readActivity = (event: CloudEvent): ActivityRecord | undefined => {
  const action = auditActionOf(event)
  if (action === undefined) return undefined
  const { id, tenantid, time, data } = envelope.parse(event)
  const { id: entityId, actorId, ipAddress, ...others } = data
  const details = cleanJson(others, detailLimit)
  return {
    tenant_id: tenantid.toLowerCase(),
    id: id.toLowerCase(),
    created_at: toIso(time),
    actor_type: 'user',
    actor_id: cleanLabel(actorId, 255) ?? 'system',
    action,
    entity_type: action.split('.', 1)[0],
    entity_id: cleanLabel(entityId, 255),
    details: Object.keys(details).length === 0 ? null : details,
    ip_address: cleanLabel(ipAddress, 45),
  }
}

interface Parts {
  store: ActivityRecordRows
  partitions: PartitionKeeper
}

/** Stores records. @throws when one cannot be stored, or the database is away: then none was */
export const createActivityIntake =
  ({ store, partitions }: Parts) =>
  async (batch: readonly ActivityRecord[]): Promise<void> => {
    // In one order for all, so that replicas with the same events wait for each other instead of blocking each other.
    const records = batch.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    await partitions.ensurePartitions(
      records.map(({ created_at }) => created_at),
      Date.now(),
    )
    await store.add(records)
  }
