/**
 * The transactional outbox: an event is a row written with the change it tells of; a relay publishes it afterwards.
 * A crash between the two only means that the event is published again, under the same id.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { eventSubject, events, eventType, type CloudEvent, type EventData, type EventName } from '@clawmesh/contracts'
import type { Bus, UnsettledEvent } from '../bus/bus.ts'
import { newId } from '../ids/ids.ts'
import { traceHeaders } from '../telemetry/telemetry.ts'
import type { Part } from '../lifecycle/lifecycle.ts'
import type { Logger } from '../log/logger.ts'
import type { Database } from './database.ts'
import type { Session } from './scoped-db.ts'

/** A row of a service's `outbox` table. */
export interface OutboxRow {
  id: string
  subject: string
  payload: string
}

/** The row that publishes an event of a tenant. Its data are checked by the compiler here and by zod where it arrives. */
export const outboxRow = <N extends EventName>(name: N, tenantId: string, data: EventData<N>): OutboxRow => {
  const id = newId()
  const event: CloudEvent = {
    specversion: '1.0',
    id,
    source: `/clawmesh/${events[name].service}`,
    type: eventType(name),
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    tenantid: tenantId,
    ...traceHeaders(),
    data,
  }
  return { id, subject: eventSubject(name, tenantId), payload: JSON.stringify(event) }
}

/** Stores rows with a statement of their own, in the transaction of what they tell of. */
export const storeOutboxRows =
  (schema: string) =>
  (session: Session, rows: readonly OutboxRow[]): Promise<unknown> =>
    session.query(
      `INSERT INTO "${schema}".outbox (id, subject, payload)
       SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[])`,
      [rows.map(({ id }) => id), rows.map(({ subject }) => subject), rows.map(({ payload }) => payload)],
    )

const batchSize = 200
/** Events of this long are published together; nobody waits for them. */
const lingerMs = 50
/** After this time another relay takes over rows whose relay has died. */
const claimMs = 10_000
/** The table is looked through this often while something in it waits or fails, and else only for what others left behind. */
const pollMs = 1_000
const idlePollMs = 5_000
/** Rows that wait to be relayed from memory, at most; beyond that they are found in the table when their claim is over. */
const maxHeld = 10_000

/** For statements that write rows which their writer will relay itself: the value of `claimed_until`. */
export const claimedByWriter = `now() + interval '${claimMs} milliseconds'`

export interface OutboxRelay {
  /**
   * Says that a transaction with events has committed. Rows that were written as `claimedByWriter` are handed over: they
   * are published as they are, without being read back.
   */
  wakeRelay: (claimed?: readonly OutboxRow[]) => void
  /** Publishes what is there and stops. */
  stop: () => Promise<void>
}

/** Publishes rows and deletes them; how many have to be published again, later. */
const emitRows = async ({ system, schema }: Database, bus: Bus, rows: readonly OutboxRow[]): Promise<number> => {
  const table = `"${schema}".outbox`
  let unsettled: readonly UnsettledEvent[]
  try {
    unsettled = await bus.publishDurable(rows)
  } catch (error) {
    await system.query(`UPDATE ${table} SET claimed_until = NULL WHERE id = ANY($1)`, [rows.map(({ id }) => id)])
    throw error
  }
  if (unsettled.length > 0)
    await system.prepared(
      'outbox_postpone',
      `UPDATE ${table} SET claimed_until = now() + ms * interval '1 millisecond'
       FROM unnest($1::uuid[], $2::float8[]) AS unsettled (event_id, ms) WHERE id = event_id`,
      [unsettled.map(({ id }) => id), unsettled.map(({ retryAfterMs }) => retryAfterMs)],
    )
  const kept = new Set(unsettled.map(({ id }) => id))
  const settled = rows.flatMap(({ id }) => (kept.has(id) ? [] : [id]))
  if (settled.length > 0)
    await system.prepared('outbox_delete', `DELETE FROM ${table} WHERE id = ANY($1::uuid[])`, [settled])
  return kept.size
}

const isEmpty = async ({ system, schema }: Database): Promise<boolean> =>
  (await system.query(`SELECT FROM "${schema}".outbox LIMIT 1`)).rowCount === 0

/**
 * Publishes one batch: claim, emit, delete. No transaction stays open while the bus is slow, and on the embedded
 * database, which has one session, a consumer may write while its event is being published.
 */
const relayBatch = async (database: Database, bus: Bus): Promise<{ claimed: number; left: number }> => {
  const table = `"${database.schema}".outbox`
  const { rows } = await database.system.prepared<OutboxRow>(
    'outbox_claim',
    `UPDATE ${table} SET claimed_until = ${claimedByWriter} WHERE id IN (
       SELECT id FROM ${table} WHERE claimed_until IS NULL OR claimed_until < now()
       ORDER BY id LIMIT ${batchSize} FOR UPDATE SKIP LOCKED
     ) RETURNING id, subject, payload`,
    [],
  )
  const sorted = rows.sort((a, b) => (a.id < b.id ? -1 : 1))
  return { claimed: rows.length, left: rows.length === 0 ? 0 : await emitRows(database, bus, sorted) }
}

/** Relays a service's outbox to the bus, at once when woken and now and then otherwise. Any number may run. */
export const startOutboxRelay = (database: Database, bus: Bus, log: Logger): OutboxRelay => {
  let stopping = false
  let woken = false
  /** Whether there may be rows in the table that nobody has claimed; asked for every poll anyway. */
  let unclaimed = true
  let sweptAtMs = 0
  /** Whether some events in the table wait for another time. */
  let waiting = false
  let failing = false
  let held: OutboxRow[] = []
  let wake = () => {}
  const wakeRelay = (claimed: readonly OutboxRow[] = []) => {
    woken = true
    if (claimed.length === 0) unclaimed = true
    else if (held.length < maxHeld) held.push(...claimed)
    wake()
  }

  const everyMs = () => (waiting || failing ? pollMs : idlePollMs)

  /** What is held in memory, then what is in the table. What comes meanwhile waits for the next time, to go together. */
  const relayAll = async (): Promise<void> => {
    do {
      const rows = held.splice(0, batchSize)
      if (rows.length > 0 && (await emitRows(database, bus, rows)) > 0) waiting = true
    } while (held.length >= batchSize)
    if (!unclaimed && Date.now() - sweptAtMs < everyMs()) return
    unclaimed = false
    sweptAtMs = Date.now()
    for (let claimed = batchSize; claimed === batchSize;) {
      const batch = await relayBatch(database, bus)
      claimed = batch.claimed
      if (batch.left > 0) waiting = true
    }
    if (waiting && (await isEmpty(database))) waiting = false
  }

  /** Until the next wake-up or poll; while failing only until the poll, as wake-ups would make a busy loop. */
  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        unclaimed = true
        resolve()
      }, everyMs())
      if (failing && !stopping) return
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (woken) wake()
    })

  const loop = async () => {
    while (!stopping) {
      woken = false
      try {
        await relayAll()
        failing = false
      } catch (err) {
        // What was held is in the table, and its claim runs out.
        held = []
        unclaimed = true
        if (!failing) log.warn({ err }, 'outbox: publishing failed, events wait')
        failing = true
      }
      if (!stopping) await pause()
      if (woken && !stopping) await sleep(lingerMs)
    }
  }
  const running = loop()

  return {
    wakeRelay,
    stop: async () => {
      stopping = true
      wakeRelay()
      await running
      try {
        unclaimed = true
        while (held.length > 0 || unclaimed) await relayAll()
      } catch (err) {
        log.warn({ err }, 'outbox: events wait for the next start')
      }
    },
  }
}

/** The relay as a part of a service, and the wake-up that its store gives after a commit. */
export const createOutboxPart = (
  database: Database,
  { bus, log }: { bus: Bus; log: Logger },
): Part & Pick<OutboxRelay, 'wakeRelay'> => {
  let relay: OutboxRelay | undefined
  return {
    name: `${database.schema} outbox`,
    wakeRelay: (claimed) => relay?.wakeRelay(claimed),
    start: async () => {
      relay = startOutboxRelay(database, bus, log.child({ part: 'outbox', service: database.schema }))
    },
    stop: async () => relay?.stop(),
  }
}
