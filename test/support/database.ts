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
 * Creates an empty database of a name that nobody else has.
 *
 * @param prefix lower-case letters, digits and underscores; says in `\l` whose it was
 */
export async function createDatabase(prefix: string): Promise<TestDatabase> {
  const name = `${prefix}_${randomBytes(6).toString('hex')}`
  const serverUrl = dependencyUrl('postgres')
  await runOnServer(serverUrl, `create database ${pg.escapeIdentifier(name)}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return {
    url: url.href,
    drop: () => runOnServer(serverUrl, `drop database if exists ${pg.escapeIdentifier(name)} with (force)`),
  }
}

async function runOnServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
