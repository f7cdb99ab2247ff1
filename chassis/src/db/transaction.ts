import type pg from 'pg'

/** A connection as the work inside a transaction sees it. */
export type Connection = Pick<pg.Pool, 'query'>

/** Runs work in a transaction on one connection of a pool. */
export const inTransaction = async <T>(pool: pg.Pool, work: (connection: Connection) => Promise<T>): Promise<T> => {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (thrown) {
    // A connection that cannot even roll back is not given to anyone again.
    await client.query('ROLLBACK').catch((error: Error) => (broken = error))
    throw thrown
  } finally {
    client.release(broken)
  }
}
