/** A service's rows as its features reach them: one tenant's, or in the system scope, each with its way to change them. */
import type { Mesh } from '../mesh.ts'
import type { RemoteService } from '../config.ts'
import type { Part } from '../lifecycle/lifecycle.ts'
import { createChangeRows, type ChangeRows } from './change.ts'
import type { ClientOptions, Database } from './database.ts'
import { createOutboxPart, storeOutboxRows, type OutboxRelay, type OutboxRow } from './outbox.ts'
import type { ScopedDb, Session } from './scoped-db.ts'

/** What is used of a generated Prisma client. */
export interface PrismaLike {
  $transaction: unknown
  outbox: unknown
}

/** A Prisma client inside a transaction. */
export type PrismaTx<C> = Omit<C, '$connect' | '$disconnect' | '$on' | '$use' | '$extends' | '$transaction'>

export interface RowScope<C> {
  /** A Prisma client of the scope. A tenant's has no `findUnique`. */
  readonly prisma: Omit<C, '$transaction'>
  /** Statements and transactions in SQL. */
  readonly sql: ScopedDb
  /** Changes rows through Prisma. */
  readonly change: ChangeRows<PrismaTx<C>>
  /** Changes rows through SQL. */
  readonly changeSql: ChangeRows<Session>
}

export interface TenantDb<C> extends RowScope<C> {
  readonly tenantId: string
}

export interface ServiceDb<C> {
  /** @throws TypeError when that is no UUID */
  readonly forTenant: (tenantId: string) => TenantDb<C>
  /** For work over all tenants, or on rows of none. */
  readonly system: RowScope<C>
  readonly database: Database
  /** For writers that store outbox rows in statements of their own, and hand them over after their commit. */
  readonly wakeRelay: OutboxRelay['wakeRelay']
  /** Readiness of the database, and the outbox relay. */
  readonly parts: readonly Part[]
}

type Transaction = <T>(work: (tx: unknown) => Promise<T>) => Promise<T>
interface OutboxTable {
  createMany: (rows: { data: readonly OutboxRow[] }) => Promise<unknown>
}

const storeWithPrisma = (tx: unknown, rows: readonly OutboxRow[]): Promise<unknown> =>
  (tx as { outbox: OutboxTable }).outbox.createMany({ data: rows })

/**
 * Opens a service's database for its features. `Client` is the service's generated Prisma client; two of it are made,
 * the system's when it is first used.
 */
export const openServiceDb = <C extends PrismaLike>(
  mesh: Pick<Mesh, 'database' | 'bus' | 'log'>,
  service: RemoteService,
  Client: new (options: ClientOptions) => C,
): ServiceDb<C> => {
  const { bus } = mesh
  const database = mesh.database(service)
  const outbox = createOutboxPart(database, mesh)
  const tenants = new Client(database.tenantClientOptions)

  const scopeOf = (prisma: C, sql: ScopedDb, tenantId: string | undefined): RowScope<C> => {
    const parts = { tenantId, bus, wakeRelay: () => outbox.wakeRelay() }
    return {
      prisma,
      sql,
      change: createChangeRows<PrismaTx<C>>({
        ...parts,
        transact: (work) => (prisma as { $transaction: Transaction }).$transaction(work as (tx: unknown) => never),
        storeOutbox: storeWithPrisma,
      }),
      changeSql: createChangeRows<Session>({
        ...parts,
        transact: sql.transaction,
        storeOutbox: storeOutboxRows(database.schema),
      }),
    }
  }

  let system: RowScope<C> | undefined
  return {
    database,
    forTenant: (tenantId) => ({
      tenantId,
      ...scopeOf(database.clientOf(tenants, tenantId), database.forTenant(tenantId), tenantId),
    }),
    get system() {
      return (system ??= scopeOf(new Client(database.systemClientOptions), database.system, undefined))
    },
    wakeRelay: outbox.wakeRelay,
    parts: [{ name: `${service} database`, ready: database.ping }, outbox],
  }
}
