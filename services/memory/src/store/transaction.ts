import type { Database } from '@clawmesh/chassis'

type Pool = Database['pool']
/** A connection as its user sees it. */
export type Client = Pick<Pool, 'query'>

/** Runs work in one transaction on one connection; rolls back when it throws. It must not wait for another connection. */
export const inTransaction = async <T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = await pool.connect()
  let broken = false
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (thrown) {
    await client.query('ROLLBACK').catch(() => {
      broken = true
    })
    throw thrown
  } finally {
    client.release(broken)
  }
}
