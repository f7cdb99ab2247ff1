/** A pool in which work waits for a connection for a bounded time, in a queue of bounded length. */
import type pg from 'pg'
import { openingLimitMs, PromptClient } from './prompt-client.ts'
import { TracedPool } from './traced-pool.ts'

/** Work waits for a connection at most this long: as long as the services wait for each other (`rpcTimeoutMs`). */
const waitLimitMs = 10_000
/** So much work waits for each connection of the pool; what comes then is refused at once. */
const waitingPerConnection = 100

/**
 * What Prisma is to allow. It would wait two seconds for a transaction's connection, which 64 requests at once exceed on a
 * busy machine; the pool's own limit is to speak, so this one is beyond waiting and opening together. A transaction that
 * has begun may take its time, too.
 */
export const transactionOptions = { maxWait: waitLimitMs + 2 * openingLimitMs, timeout: 20_000 } as const

/** SQLSTATE `too_many_connections`: who asks may come back later (see `databaseError`). */
const queueFull = (): Error =>
  Object.assign(new Error('too many wait for a database connection'), { code: '53300' as const })

type Connected = Parameters<NonNullable<Parameters<pg.Pool['connect']>[0]>>

/**
 * @throws from `connect` and `query`: Error with code 53300 when the queue is full, Error `timeout exceeded when trying to
 *   connect` after the wait, Error `timeout expired` when the database does not take the connection
 */
export class QueueingPool extends TracedPool {
  readonly #longestQueue: number

  constructor(config: pg.PoolConfig & { max: number }) {
    super({ ...config, Client: PromptClient, connectionTimeoutMillis: waitLimitMs })
    this.#longestQueue = config.max * waitingPerConnection
  }

  override connect = ((callback?: (...args: Connected) => void) => {
    const run = super.connect.bind(this) as (callback?: (...args: Connected) => void) => Promise<pg.PoolClient>
    if (this.waitingCount < this.#longestQueue) return run(callback)
    if (callback === undefined) return Promise.reject(queueFull())
    return process.nextTick(callback, queueFull(), undefined, () => undefined)
  }) as pg.Pool['connect']
}
