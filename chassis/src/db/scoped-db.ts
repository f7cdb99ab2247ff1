/** Scoped access to a service's rows: one tenant's, or the system's. */
import type pg from 'pg'
import { inTransaction, type Session } from './transaction.ts'

/** Statements and transactions that all run under one binding. */
export interface ScopedDb {
  /** One statement. */
  readonly query: Session['query']
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

/** @param namePrefix of kept statements; undefined where connections keep none */
export const createScopedDb = (bound: pg.Pool, namePrefix: string | undefined): ScopedDb => ({
  query: bound.query,
  prepared: <R extends pg.QueryResultRow>(name: string, text: string, values: unknown[]) =>
    bound.query<R>(namePrefix === undefined ? { text, values } : { name: `${namePrefix}.${name}`, text, values }),
  transaction: (work) => inTransaction(bound, work),
})
