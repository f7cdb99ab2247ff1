/** A pool whose every statement and transaction runs under a binding. */
import type pg from 'pg'
import { beginSql, type Binding } from './binding.ts'
import { BoundQuery } from './bound-query.ts'

type Config = pg.QueryConfig | string
type Run = (config: Config, values?: unknown[]) => Promise<unknown>

const textOf = (config: Config): string => (typeof config === 'string' ? config : config.text)

/** Leaves out what is replaced; the rest works on the thing itself. */
const over = <T extends object>(thing: T, replaced: Partial<Record<keyof T, unknown>>): T =>
  new Proxy(thing, {
    get: (target, key) => {
      if (Object.hasOwn(replaced, key)) return replaced[key as keyof T]
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })

/** A connection that can do nothing but begin until it is in a transaction, and begins with the binding. */
const boundClient = (client: pg.PoolClient, binding: Binding): pg.PoolClient => {
  const query: Run = async (config, values) => {
    if (client.getTransactionStatus() !== 'I') return client.query(config as pg.QueryConfig, values)
    if (textOf(config) !== 'BEGIN') throw new Error('a connection of a bound pool is for a transaction')
    return client.query(beginSql(binding))
  }
  return over(client, { query })
}

/**
 * A pool over another one's connections. `bindingNow` is asked at each statement and transaction, and throws when there
 * is none. Nothing of a binding stays on a connection.
 */
export const createBoundPool = (pool: pg.Pool, bindingNow: () => Binding): pg.Pool => {
  const query: Run = async (config, values) => {
    const given = typeof config === 'string' ? { text: config } : config
    const bound = new BoundQuery(bindingNow(), values === undefined ? given : { ...given, values })
    return pool.query(bound)
  }
  const connect = async (): Promise<pg.PoolClient> => {
    const binding = bindingNow()
    return boundClient(await pool.connect(), binding)
  }
  return over(pool, { query, connect })
}
