import type { Database } from '@clawmesh/chassis'

/** One connection of the pool, inside a transaction. */
export interface Session {
  query: <R extends Record<string, unknown>>(text: string, values?: unknown[]) => Promise<{ rows: R[] }>
}

/** Runs work in a transaction on one connection: all of it happens, or none. */
export const transaction = async <T>(pool: Database['pool'], work: (session: Session) => Promise<T>): Promise<T> => {
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
