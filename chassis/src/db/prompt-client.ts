/** A connection of its own, beside a pool. */
import pg from 'pg'

/** Opening a connection takes at most this long: a database that is away is found out sooner than a busy one. */
export const openingLimitMs = 5_000

/** @throws from `connect`: Error `timeout expired` when the database does not take the connection, as the system would for two minutes */
export class PromptClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super({ ...config, connectionTimeoutMillis: openingLimitMs })
  }
}
