/**
 * The transactional outbox: an event is a row written with the change it tells of; a relay publishes it afterwards.
 * A crash between the two only means that the event is published again, under the same id.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { eventSubject, events, eventType, type CloudEvent, type EventData, type EventName } from '@clawmesh/contracts'
import type { Bus, OutgoingEvent } from '../bus/bus.ts'
import { newId } from '../ids/ids.ts'
import { traceHeaders } from '../telemetry/telemetry.ts'
import type { Part } from '../lifecycle/lifecycle.ts'
import type { Logger } from '../log/logger.ts'
import type { Database } from './database.ts'

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

const batchSize = 200
/** Events of this long are published together; nobody waits for them. */
const lingerMs = 20
/** After this time another relay takes over rows whose relay has died. */
const claimMs = 10_000
const pollMs = 1_000

export interface OutboxRelay {
  /** Says that a transaction with events has committed. */
  poke: () => void
  /** Publishes what is there and stops. */
  stop: () => Promise<void>
}

/**
 * Publishes one batch: claim, emit, delete. No transaction stays open while the bus is slow, and on the embedded
 * database, which has one session, a consumer may write while its event is being published.
 */
const relayBatch = async ({ pool, schema }: Database, bus: Bus): Promise<number> => {
  const { rows } = await pool.query<OutboxRow>(
    `UPDATE "${schema}".outbox SET claimed_until = now() + interval '${claimMs} milliseconds' WHERE id IN (
       SELECT id FROM "${schema}".outbox WHERE claimed_until IS NULL OR claimed_until < now()
       ORDER BY id LIMIT ${batchSize} FOR UPDATE SKIP LOCKED
     ) RETURNING id, subject, payload`,
  )
  if (rows.length === 0) return 0
  const ids = rows.map(({ id }) => id)
  const outgoing: OutgoingEvent[] = rows
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ subject, payload }) => ({ subject, event: JSON.parse(payload) as CloudEvent }))
  try {
    await bus.emit(outgoing)
  } catch (error) {
    await pool.query(`UPDATE "${schema}".outbox SET claimed_until = NULL WHERE id = ANY($1)`, [ids])
    throw error
  }
  await pool.query(`DELETE FROM "${schema}".outbox WHERE id = ANY($1)`, [ids])
  return rows.length
}

/** Relays a service's outbox to the bus, at once when poked and every second otherwise. Any number may run. */
export const startOutboxRelay = (database: Database, bus: Bus, log: Logger): OutboxRelay => {
  let stopping = false
  let poked = false
  let failing = false
  let wake = () => {}
  const poke = () => {
    poked = true
    wake()
  }

  /** Until the next poke or poll; while failing only until the poll, as pokes would make a busy loop. */
  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pollMs)
      if (failing && !stopping) return
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (poked) wake()
    })

  const loop = async () => {
    while (!stopping) {
      poked = false
      try {
        while ((await relayBatch(database, bus)) === batchSize);
        failing = false
      } catch (err) {
        if (!failing) log.warn({ err }, 'outbox: publishing failed, events wait')
        failing = true
      }
      if (!stopping) await pause()
      if (poked && !stopping) await sleep(lingerMs)
    }
  }
  const running = loop()

  return {
    poke,
    stop: async () => {
      stopping = true
      poke()
      await running
      try {
        while ((await relayBatch(database, bus)) === batchSize);
      } catch (err) {
        log.warn({ err }, 'outbox: events wait for the next start')
      }
    },
  }
}

/** The relay as a part of a service, and the poke that its store gives after a commit. */
export const outboxPart = (
  database: Database,
  { bus, log }: { bus: Bus; log: Logger },
): Part & { poke: () => void } => {
  let relay: OutboxRelay | undefined
  return {
    name: `${database.schema} outbox`,
    poke: () => relay?.poke(),
    start: async () => {
      relay = startOutboxRelay(database, bus, log.child({ part: 'outbox', service: database.schema }))
    },
    stop: async () => relay?.stop(),
  }
}
