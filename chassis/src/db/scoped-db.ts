/** Scoped access to a service's rows: one tenant's, or the system's. */
import type pg from 'pg'
import { inTransaction, type Connection } from './transaction.ts'

/** The work of a transaction sees these. */
export type Session = Pick<ScopedDb, 'query' | 'prepared'>

/** Statements and transactions that all run under one binding. */
export interface ScopedDb {
  /** One statement. */
  readonly query: Connection['query']
  /**
   * Runs a statement that a connection parses and plans once, where the database can keep it: the embedded one, which
   * is one session for all, cannot. The name stands for the text.
   */
  readonly prepared: <R extends pg.QueryResultRow>(
    name: string,
    text: string,
    values: unknown[],
  ) => Promise<pg.QueryResult<R>>
  /**
   * Runs work in a transaction on one connection: all of it happens, or none. The work must not wait for another
   * connection, as the embedded database has only one session.
   */
  readonly transaction: <T>(work: (session: Session) => Promise<T>) => Promise<T>
}

const preparedOn =
  (connection: Connection, namePrefix: string | undefined): ScopedDb['prepared'] =>
  <R extends pg.QueryResultRow>(name: string, text: string, values: unknown[]) =>
    connection.query<R>(namePrefix === undefined ? { text, values } : { name: `${namePrefix}.${name}`, text, values })

/** @param namePrefix of kept statements; undefined where connections keep none */
export const createScopedDb = (bound: pg.Pool, namePrefix: string | undefined): ScopedDb => ({
  query: bound.query,
  prepared: preparedOn(bound, namePrefix),
  transaction: (work) =>
    inTransaction(bound, (connection) =>
      work({ query: connection.query.bind(connection), prepared: preparedOn(connection, namePrefix) }),
    ),
})
