/** Fresh databases on the PostgreSQL server of this jest run. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { dependencyUrl } from './dependencies.ts'

export interface TestDatabase {
  url: string
  /** Removes it, connections to it included. */
  drop(): Promise<void>
}

/**
 * Creates a database of a name that nobody else has.
 *
 * @param prefix lower-case letters, digits and underscores; says in `\l` whose it was
 * @param template the database it is a copy of; an empty one by default
 */
export async function createDatabase(prefix: string, template = 'template1'): Promise<TestDatabase> {
  const name = `${prefix}_${randomBytes(6).toString('hex')}`
  await onServer(`create database ${pg.escapeIdentifier(name)} template ${pg.escapeIdentifier(template)}`)
  const url = new URL(dependencyUrl('postgres'))
  url.pathname = `/${name}`
  return {
    url: url.href,
    drop: () => onServer(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`),
  }
}

const onServer = (sql: string): Promise<void> =>
  withServer(async (client) => {
    await client.query(sql)
  })

/** Does something over a connection of its own to the server. */
export async function withServer<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: dependencyUrl('postgres') })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
