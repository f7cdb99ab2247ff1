/** A service's `dead_events` table: the events that a consumer of it cannot handle, until an operator replays them. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Delivery } from '../bus/bus.ts'
import type { Database } from '../db/database.ts'
import { newId } from '../ids/ids.ts'

/** Characters of a payload that are kept, at most; NATS carries no larger ones unless it is told to. */
export const payloadLimit = 1_048_576
const labelLimit = 200
const subjectLimit = 500
/** Replayed rows are kept this long, to be looked at. */
const keptAfterReplay = '7 days'
const prunedAtOnce = 500
/** After this time another replica takes over a replay whose replica has died. */
const replayClaim = '2 minutes'

export type DeadEventState = 'waiting' | 'replaying' | 'replayed'

/** A row as an operator sees it; without the payload. */
export interface DeadEventSummary {
  id: string
  consumer: string
  event: string
  eventId: string
  tenantId: string | null
  subject: string
  error: string
  deliveries: number
  failedAt: Date
  replayedAt: Date | null
  state: DeadEventState
}

/** A row that is to be handled once more. */
export interface ReplayedEvent {
  id: string
  eventId: string
  event: string
  subject: string
  deliveries: number
  /** Null when it was too large to be kept. */
  payload: string | null
}

const uuid = z.uuid()
const isUuid = (text: string): boolean => uuid.safeParse(text).success
const storable = (text: string, limit: number): string => text.slice(0, limit).replaceAll('\0', '\uFFFD').toWellFormed()

/** The text of an event, undefined when it is too large or nested too deep to be written. */
const payloadOf = ({ payload }: Delivery): string | undefined => {
  try {
    const text = payload()
    return text.length > payloadLimit ? undefined : storable(text, payloadLimit)
  } catch {
    return undefined
  }
}

const summaryColumns = `id, consumer, event, event_id AS "eventId", tenant_id AS "tenantId", subject, error, deliveries,
  failed_at AS "failedAt", replayed_at AS "replayedAt",
  CASE WHEN replayed_at IS NOT NULL THEN 'replayed' WHEN replay_at IS NOT NULL THEN 'replaying' ELSE 'waiting' END AS state`

/** The table of one service, in the system's scope: consumers work for all tenants. */
export const createDeadEvents = ({ system, schema }: Database) => {
  const table = `"${schema}".dead_events`
  const ofTenant = '(tenant_id = $3 OR (tenant_id IS NULL AND $3 IS NULL))'

  const insert = `
    INSERT INTO ${table} AS dead (id, consumer, tenant_id, event_id, event, subject, payload, error, deliveries)
    SELECT $1::uuid, $2, $3::uuid, $4, $5, $6, $7, $8, $9::int
    WHERE (SELECT count(*) FROM ${table} WHERE ${ofTenant}) < $10::int
      OR EXISTS (SELECT FROM ${table} WHERE consumer = $2 AND subject = $6 AND event_id = $4)
    ON CONFLICT (consumer, subject, event_id) DO UPDATE SET payload = excluded.payload, error = excluded.error,
      deliveries = excluded.deliveries, failed_at = now(), replay_at = NULL, replayed_at = NULL`

  return {
    /** Whether the schema has the table. */
    exist: async (): Promise<boolean> => {
      const { rows } = await system.query<{ exist: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exist', [table])
      return rows[0]!.exist
    },

    /**
     * Keeps an event; once, however often it is kept. A tenant that has as many as it may loses those that were replayed
     * first; while none of them was, nothing is kept and the answer is false.
     * @param limit rows that a tenant may have; those of no tenant count as one tenant's
     */
    keep: async (consumer: string, delivery: Delivery, error: string, limit: number): Promise<boolean> => {
      const { event, subject, deliveries } = delivery
      const payload = payloadOf(delivery)
      const tenantId = event !== undefined && isUuid(event.tenantid) ? event.tenantid.toLowerCase() : null
      const values = [
        newId(),
        consumer,
        tenantId,
        // What has no id is known by its content.
        event === undefined
          ? createHash('sha256')
              .update(payload ?? '')
              .digest('hex')
          : storable(event.id, labelLimit),
        storable(event?.type ?? 'unreadable', labelLimit),
        storable(subject, subjectLimit),
        payload ?? null,
        error,
        deliveries,
        limit,
      ]
      const isKept = async () => (await system.query(insert, values)).rowCount === 1
      if (await isKept()) return true
      const { rowCount } = await system.query(
        `DELETE FROM ${table} WHERE id IN (
           SELECT id FROM ${table} WHERE (tenant_id = $1 OR (tenant_id IS NULL AND $1::uuid IS NULL)) AND replayed_at IS NOT NULL
           ORDER BY replayed_at LIMIT ${prunedAtOnce})`,
        [tenantId],
      )
      return rowCount! > 0 && isKept()
    },

    /** Claims the event of a consumer that waits longest for its replay; undefined when there is none. */
    claimReplay: async (consumer: string): Promise<ReplayedEvent | undefined> => {
      const { rows } = await system.query<ReplayedEvent>(
        `UPDATE ${table} SET replay_at = now() + interval '${replayClaim}' WHERE id = (
           SELECT id FROM ${table} WHERE consumer = $1 AND replay_at <= now()
           ORDER BY failed_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
         ) RETURNING id, event_id AS "eventId", event, subject, deliveries, payload`,
        [consumer],
      )
      return rows[0]
    },

    replayed: async (id: string): Promise<void> => {
      await system.query(`UPDATE ${table} SET replay_at = NULL, replayed_at = now() WHERE id = $1`, [id])
    },

    /** The event waits for another replay, by an operator. */
    replayFailed: async (id: string, error: string): Promise<void> => {
      await system.query(
        `UPDATE ${table} SET replay_at = NULL, error = $2, deliveries = deliveries + 1, failed_at = now() WHERE id = $1`,
        [id, error],
      )
    },

    /** The replay is tried again by itself, after a pause. */
    postponeReplay: async (id: string, pauseMs: number): Promise<void> => {
      await system.query(
        `UPDATE ${table} SET replay_at = now() + $2::float8 * interval '1 millisecond' WHERE id = $1`,
        [id, pauseMs],
      )
    },

    /** Events of a consumer that nobody has replayed. */
    countWaiting: async (consumer: string): Promise<number> => {
      const { rows } = await system.query<{ count: number }>(
        `SELECT count(*) FROM ${table} WHERE consumer = $1 AND replayed_at IS NULL`,
        [consumer],
      )
      return rows[0]!.count
    },

    /** Removes rows that were replayed long ago. */
    prune: async (consumer: string): Promise<void> => {
      await system.query(
        `DELETE FROM ${table} WHERE id IN (
           SELECT id FROM ${table} WHERE consumer = $1 AND replayed_at < now() - interval '${keptAfterReplay}' LIMIT ${prunedAtOnce})`,
        [consumer],
      )
    },

    /** The oldest first. */
    list: async (rowLimit: number): Promise<DeadEventSummary[]> => {
      const { rows } = await system.query<DeadEventSummary>(
        `SELECT ${summaryColumns} FROM ${table} ORDER BY failed_at, id LIMIT $1`,
        [rowLimit],
      )
      return rows
    },

    count: async (): Promise<number> => {
      const { rows } = await system.query<{ count: number }>(`SELECT count(*) FROM ${table}`)
      return rows[0]!.count
    },

    /** Asks for the replay of one event that waits, or of all that do; how many there are. */
    requestReplay: async (id?: string): Promise<number> => {
      const { rowCount } = await system.query(
        `UPDATE ${table} SET replay_at = now()
         WHERE replayed_at IS NULL AND replay_at IS NULL AND ($1::uuid IS NULL OR id = $1)`,
        [id ?? null],
      )
      return rowCount!
    },
  }
}

export type DeadEvents = ReturnType<typeof createDeadEvents>
