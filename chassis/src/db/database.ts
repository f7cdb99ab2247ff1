/** A service's own database: scoped access to its rows, and the adapters its Prisma clients run on. */
import { MeshError } from '@clawmesh/contracts'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import type { Logger } from '../log/logger.ts'
import { systemBinding, tenantBinding } from './binding.ts'
import { createBoundPool } from './bound-pool.ts'
import { createScopedDb, type ScopedDb } from './scoped-db.ts'
import { createStatementNames } from './statement-names.ts'
import { QueueingPool, transactionOptions } from './queueing-pool.ts'
import { createTenantClients, type TenantClients } from './tenant-clients.ts'

// Counts and sums fit a double everywhere we use them; pg would hand them over as text.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number)

/** How a Prisma client reaches the database, and how long its transactions wait and last. */
export interface ClientOptions {
  adapter: PrismaPg
  transactionOptions: { maxWait: number; timeout: number }
}

export interface Database {
  /** The PostgreSQL schema that the service owns. */
  readonly schema: string
  /** The rows of one tenant. @throws TypeError when that is no UUID */
  readonly forTenant: (tenantId: string) => ScopedDb
  /** The rows of all tenants and those of none: for work that belongs to no tenant, and said by name. */
  readonly system: ScopedDb
  /** What a Prisma client of tenants is made with; it is used through `clientOf` only. */
  readonly tenantClientOptions: ClientOptions
  /** What a Prisma client of the system is made with. */
  readonly systemClientOptions: ClientOptions
  /** A Prisma client made with `tenantClientOptions`, as one tenant; cheap. It has no `findUnique`. */
  readonly clientOf: TenantClients['clientOf']
  /**
   * Connections as the login role, bound to nothing: they see no tenant's row. Only for changes of tables that no
   * transaction can hold, and for tests.
   */
  readonly pool: pg.Pool
  /** Whether the database answers. */
  ping: () => Promise<boolean>
  close: () => Promise<void>
}

interface DatabaseOptions {
  url: string
  schema: string
  poolSize: number
  log: Logger
  /** Whether connections keep prepared statements, unless the address says `pgbouncer=true`; default false. */
  keepsStatements?: boolean
}

/**
 * Behind a pooler, and in the embedded database, a session belongs to several clients, whose statements must not meet. The
 * address says so as Prisma's do.
 */
const sharesSessions = (url: string): boolean => /[?&]pgbouncer=true(?:&|$)/.test(url)

/**
 * A kept plan stays when its table grows, until the table is next analyzed. At PostgreSQL's default price of a page out of
 * order, that of a disk with a head, a table of some pages is read whole, and each run then reads what it has grown to.
 */
const preferIndexes: pg.PoolConfig['verify'] = (client, done) =>
  client.query('SET random_page_cost = 1.1', (error: Error | null) => done(error ?? undefined))

/** Opens a pool; connections are made when first needed. */
export const openDatabase = ({ url, schema, poolSize, log, keepsStatements = false }: DatabaseOptions): Database => {
  const namesStatements = keepsStatements && !sharesSessions(url)
  const pool = new QueueingPool({
    connectionString: url,
    max: poolSize,
    application_name: `clawmesh-${schema}`,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    ...(namesStatements ? { verify: preferIndexes } : {}),
  })
  // A connection that breaks is replaced by the pool. Unheard, its error would end the process: the pool hears it while
  // nobody uses the connection, and whoever borrows one is told by the next query. The error drags the client along.
  pool.on('error', ({ message }) => log.warn({ reason: message }, 'a database connection broke'))
  pool.on('connect', (client) => client.on('error', () => undefined))
  const namePrefix = namesStatements ? schema : undefined
  const scope = createTenantClients()
  const systemPool = createBoundPool(pool, () => systemBinding)
  /** Plans are of a role: each has names of its own. */
  const clientOptions = (bound: pg.Pool, role: string): ClientOptions => {
    const nameOf = createStatementNames(`${schema}.${role}`)
    const kept = namesStatements ? { statementNameGenerator: ({ sql }: { sql: string }) => nameOf(sql) as string } : {}
    return { adapter: new PrismaPg(bound, { schema, disposeExternalPool: false, ...kept }), transactionOptions }
  }
  return {
    pool,
    schema,
    forTenant: (tenantId) => {
      const binding = tenantBinding(tenantId)
      return createScopedDb(
        createBoundPool(pool, () => binding),
        namePrefix,
      )
    },
    system: createScopedDb(systemPool, namePrefix),
    tenantClientOptions: clientOptions(createBoundPool(pool, scope.now), 'tenant'),
    systemClientOptions: clientOptions(systemPool, 'system'),
    clientOf: scope.clientOf,
    ping: () =>
      pool.query('SELECT 1').then(
        () => true,
        () => false,
      ),
    close: () => pool.end(),
  }
}

/**
 * SQLSTATE classes and codes that mean the database cannot be reached, is going down, only reads (a standby), or lacks
 * resources such as disk.
 */
const unavailableStates = /^(08|25006|53|57P0|58)/
const unavailableCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
  'P1001',
  'P1002',
  'P1008',
  'P1017',
  'P2024',
  'P2028',
  'P2037',
])
const connectionTexts =
  /timeout exceeded when trying to connect|timeout expired|Connection terminated|connection terminated|Server has closed the connection|Client has encountered a connection error/

/** Prisma keeps what the database said of a failed statement here, not among the causes. */
interface Caused {
  cause?: unknown
  meta?: { driverAdapterError?: unknown }
}

/** A thrown value and its causes, the outermost first. */
export const causesOf = (thrown: unknown): unknown[] => {
  const found: unknown[] = []
  let at = thrown
  while (at !== undefined && at !== null && found.length < 6) {
    found.push(at)
    const { cause, meta } = at as Caused
    at = cause ?? meta?.driverAdapterError
  }
  return found
}

/** A MeshError for a database failure: UNAVAILABLE when it is away, otherwise the thrown value as it is. */
export const databaseError = (thrown: unknown): unknown => {
  if (thrown instanceof MeshError) return thrown
  const away = causesOf(thrown).some((fault) => {
    const { code, message, originalCode } = fault as { code?: unknown; message?: unknown; originalCode?: unknown }
    return (
      [code, originalCode].some(
        (c) => typeof c === 'string' && (unavailableCodes.has(c) || unavailableStates.test(c)),
      ) ||
      (typeof message === 'string' && connectionTexts.test(message))
    )
  })
  return away
    ? new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'database' }, { cause: thrown, retryAfterMs: 5_000 })
    : thrown
}

const hasCode = (thrown: unknown, codes: readonly string[]): boolean =>
  causesOf(thrown).some((fault) => {
    // A raw statement's SQLSTATE is the adapter's original code.
    const { code, originalCode } = fault as { code?: unknown; originalCode?: unknown }
    return codes.includes(String(code)) || codes.includes(String(originalCode))
  })

/** Whether a thrown value is a unique violation, from Prisma (P2002) or PostgreSQL (23505). */
export const isUniqueViolation = (thrown: unknown): boolean => hasCode(thrown, ['P2002', '23505'])

/** Whether a thrown value says that a row refers to one that does not exist, from Prisma (P2003) or PostgreSQL (23503). */
export const isForeignKeyViolation = (thrown: unknown): boolean => hasCode(thrown, ['P2003', '23503'])
