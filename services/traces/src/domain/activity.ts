/** The activity log: one record for each event that tells who changed what. Idempotent by the event's id. */
import type { Logger } from '@clawmesh/chassis'
import { auditActions, changed, type CloudEvent } from '@clawmesh/contracts'
import { z } from 'zod'
import type { ActivityStore } from '../store/activity.ts'
import { toIso } from './calendar.ts'
import { cleanJson, cleanLabel } from './clean.ts'
import type { PartitionKeeper } from './partitions.ts'
import type { ActivityLog } from './types.ts'
import { writeAll } from './write-all.ts'

/** A record as it is stored. */
export interface ActivityRecord extends ActivityLog {
  tenant_id: string
}

/** Characters that are kept of each text in the details. */
const detailLimit = 2_000

const envelope = z.object({ id: z.uuid(), tenantid: z.uuid(), time: z.coerce.date(), data: changed.loose() })

/**
 * The record of an event; undefined for an event that is none.
 * @throws ZodError, RangeError when it should be one and cannot be stored
 */
export const readActivity = (event: CloudEvent): ActivityRecord | undefined => {
  const action = auditActions.get(event.type)
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
  store: ActivityStore
  partitions: PartitionKeeper
  log: Logger
}

/** Handles a batch of events of any kind. @throws when the database is away: the batch must come again */
export const createActivityIntake = ({ store, partitions, log }: Parts) => {
  const read = (event: CloudEvent): ActivityRecord[] => {
    try {
      return [readActivity(event) ?? []].flat()
    } catch (err) {
      log.error({ err, eventId: event.id, tenantId: event.tenantid }, 'skipped an event that is no activity record')
      return []
    }
  }

  const writing = {
    write: store.add,
    refusal: store.refusal,
    skipped: ({ id, tenant_id: tenantId, action }: ActivityRecord, refusal: object) =>
      // Not the error itself: its details quote the row.
      log.error({ ...refusal, tenantId, eventId: id, action }, 'skipped a record that the database refuses'),
  }

  return async (batch: readonly CloudEvent[]): Promise<void> => {
    // In one order for all, so that replicas with the same events wait for each other instead of blocking each other.
    const records = batch.flatMap(read).sort((a, b) => (a.id < b.id ? -1 : 1))
    if (records.length === 0) return
    await partitions.makeRoom(
      records.map(({ created_at }) => created_at),
      Date.now(),
    )
    await writeAll(records, writing)
  }
}
