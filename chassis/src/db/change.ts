/**
 * The one way to change rows: a transaction that stores its events with what they tell of, after whose commit the relay
 * is woken and caches evict. None of them can be forgotten, as the work returns them beside its result.
 */
import { MeshError, type CacheTag, type EventData, type EventName } from '@clawmesh/contracts'
import type { Bus } from '../bus/bus.ts'
import { evict } from '../cache/cache.ts'
import { isUniqueViolation } from './database.ts'
import { outboxRow, type OutboxRow } from './outbox.ts'

/** An event that a change has; of the scope's tenant unless it names another. */
export interface ChangeEvent<N extends EventName = EventName> {
  readonly name: N
  readonly data: EventData<N>
  readonly tenantId?: string | undefined
}

/** Declares an event of a change, its data checked by the event's schema. */
export const event = <N extends EventName>(name: N, data: EventData<N>, tenantId?: string): ChangeEvent<N> => ({
  name,
  data,
  tenantId,
})

/** What the work of a change gives back. Without events nothing is told, without tags nothing is evicted. */
export interface Change<T> {
  readonly result: T
  readonly events?: readonly ChangeEvent[]
  readonly evict?: readonly CacheTag[]
}

/** Names the thing that a unique violation is about, for ALREADY_EXISTS. */
export interface ConflictNames {
  /** `agent`, `tenant`: a word of the message catalogues. */
  readonly kind: string
  readonly id: string
}

export interface ChangeOptions {
  /** A function where the work itself decides the name. */
  readonly conflict?: ConflictNames | (() => ConflictNames)
}

/** Runs a transaction; `Tx` is what its work uses for its statements. */
export type Transact<Tx> = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>

/**
 * Changes rows in a transaction, all of it or nothing. The work must not wait for another connection, as the embedded
 * database has only one session.
 * @throws ALREADY_EXISTS when a unique constraint is violated and `conflict` names the thing; what the work throws
 */
export type ChangeRows<Tx> = <T>(work: (tx: Tx) => Promise<Change<T>>, options?: ChangeOptions) => Promise<T>

interface ChangeParts<Tx> {
  transact: Transact<Tx>
  storeOutbox: (tx: Tx, rows: readonly OutboxRow[]) => Promise<unknown>
  /** Whose events these are where they do not say; undefined in the system scope. */
  tenantId: string | undefined
  wakeRelay: () => void
  bus: Pick<Bus, 'signal'>
}

const toRow = ({ name, data, tenantId }: ChangeEvent, scopeTenantId: string | undefined): OutboxRow => {
  const owner = tenantId ?? scopeTenantId
  if (owner === undefined) throw new Error(`event ${name} of the system scope names no tenant`)
  return outboxRow(name, owner, data)
}

const named = (thrown: unknown, { conflict }: ChangeOptions): unknown => {
  if (conflict === undefined || !isUniqueViolation(thrown)) return thrown
  const { kind, id } = typeof conflict === 'function' ? conflict() : conflict
  return new MeshError('ALREADY_EXISTS', 'error.already_exists', { kind, id }, { cause: thrown })
}

export const createChangeRows = <Tx>({
  transact,
  storeOutbox,
  tenantId,
  wakeRelay,
  bus,
}: ChangeParts<Tx>): ChangeRows<Tx> => {
  return async (work, options = {}) => {
    const change = await transact(async (tx) => {
      const done = await work(tx)
      const rows = (done.events ?? []).map((pending) => toRow(pending, tenantId))
      if (rows.length > 0) await storeOutbox(tx, rows)
      return done
    }).catch((thrown: unknown) => {
      throw named(thrown, options)
    })
    if (change.events !== undefined && change.events.length > 0) wakeRelay()
    for (const tag of change.evict ?? []) evict(bus, tag)
    return change.result
  }
}
