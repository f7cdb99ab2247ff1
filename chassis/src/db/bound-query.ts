/**
 * A statement that runs under a binding, in one round trip. All extended-protocol messages up to one Sync are one implicit
 * transaction (PostgreSQL manual, 54.2.4), so the binding is set in front of the statement and is gone after it.
 */
import pg from 'pg'
import { bindingValues, bindSql, type Binding } from './binding.ts'

/** What is used of pg's connection, which its types leave out. */
interface Connection {
  parse: (statement: { name: string; text: string }) => void
  bind: (portal: { statement: string; values: unknown[] }) => void
  execute: (portal: object) => void
  submittedNamedStatements: Record<string, string>
}

/** The inner life of pg's query, which its types leave out as well. */
interface Inner {
  prepare: (connection: Connection) => void
  handleDataRow: (message: unknown) => void
  handleCommandComplete: (message: unknown, connection: Connection) => void
  handleError: (error: Error, connection: Connection) => void
}
const inner = pg.Query.prototype as unknown as Inner

const bindName = 'clawmesh.bind'
/** Connections that hold the binding's statement, parsed. */
const bindingParsed = new WeakSet<Connection>()

/** For `pool.query`: any query of pg's, bound. Not for a connection that is inside a transaction. */
export class BoundQuery extends pg.Query {
  declare name: string | undefined
  readonly #binding: Binding
  #statementName: string | undefined
  /** Until the binding is answered, answers are not the statement's. */
  #isBinding = true

  constructor(binding: Binding, config: pg.QueryConfig | string) {
    super(config)
    this.#binding = binding
  }

  /** The simple protocol would run statement and binding apart. */
  requiresPreparation(): boolean {
    return true
  }

  prepare(connection: Connection): void {
    // Kept where the statement is kept: not every database can.
    const name = this.name === undefined ? '' : bindName
    if (name === '' || !bindingParsed.has(connection)) connection.parse({ name, text: bindSql })
    if (name !== '') bindingParsed.add(connection)
    connection.bind({ statement: name, values: bindingValues(this.#binding) })
    connection.execute({})
    inner.prepare.call(this, connection)
    // pg takes the first statement that is parsed for the one of this name.
    this.#statementName = this.name
    this.name = undefined
  }

  handleDataRow(message: unknown): void {
    if (!this.#isBinding) inner.handleDataRow.call(this, message)
  }

  handleCommandComplete(message: unknown, connection: Connection): void {
    if (!this.#isBinding) return inner.handleCommandComplete.call(this, message, connection)
    this.#isBinding = false
    this.name = this.#statementName
  }

  handleError(error: Error, connection: Connection): void {
    if (this.#isBinding && this.#statementName !== undefined)
      delete connection.submittedNamedStatements[this.#statementName]
    inner.handleError.call(this, error, connection)
  }
}
