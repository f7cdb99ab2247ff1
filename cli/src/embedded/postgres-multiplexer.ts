/**
 * Lets many clients share one PostgreSQL session over the wire protocol.
 *
 * A client has the session to itself from the first message of a unit (a simple query, or everything up to a Sync) to its
 * end, and from BEGIN to COMMIT or ROLLBACK. `PGLiteSocketServer` of `@electric-sql/pglite-socket` 0.2.17 hands the
 * session over between single messages instead: one client's Parse replaces the unnamed statement that another has not
 * bound yet, and that one then reads foreign rows (https://github.com/electric-sql/pglite/issues/1046).
 */
import { createServer, type Server, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { createMessageReader } from './message-reader.ts'
import {
  endsUnit,
  fatalError,
  isTerminate,
  keepsSession,
  protocolCode,
  queryMessage,
  readStartupParameters,
  startupMessage,
  syncMessage,
} from './postgres-messages.ts'

/** The one session behind all clients. Messages go in as the client sent them, answers come out as the server sends. */
export interface SharedSession {
  execute(messages: Uint8Array, onAnswer: (bytes: Uint8Array) => void): Promise<void>
  inTransaction(): boolean
}

export interface MultiplexerOptions {
  session: SharedSession
  /** The only database there is; a client that asks for another is refused. */
  database: string
  maxConnections: number
  /** A client that leaves its transaction open this long is cut off: nobody else can work meanwhile. */
  idleInTransactionTimeoutMs: number
  /** The session itself broke (not: a statement failed); nothing can be answered any more. */
  onSessionFailure: (error: Error) => void
}

export interface Multiplexer {
  listen(socketPath: string): Promise<void>
  /** Ends every connection, rolls an open transaction back and stops listening. */
  close(): Promise<void>
}

interface Unit {
  messages: Uint8Array
  keepsSession: boolean
}

interface Connection {
  socket: Socket
  units: Unit[]
  closed: boolean
}

/** A server for that session; `listen` opens it. */
export function createMultiplexer(options: MultiplexerOptions): Multiplexer {
  const { session } = options
  const connections = new Set<Connection>()
  /** Who has work and waits for the session, longest first. */
  const waiting = new Set<Connection>()
  /** Whose transaction or half-sent unit the session is in. */
  let owner: Connection | undefined
  let ownerTimer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let greeting: Uint8Array = new Uint8Array()

  const server: Server = createServer((socket) => accept(socket))

  function accept(socket: Socket): void {
    const connection: Connection = { socket, units: [], closed: false }
    connections.add(connection)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      forget(connection)
      connections.delete(connection)
      if (owner === connection) wake()
    })
    readClient(connection)
  }

  function readClient(connection: Connection): void {
    const { socket } = connection
    const reader = createMessageReader()
    let greeted = false
    let unit: Uint8Array[] = []

    const readAll = (): void => {
      while (!connection.closed && !greeted) {
        const packet = reader.next(0)
        if (!packet) return
        greeted = greet(connection, packet)
      }
      if (connection.closed) return
      for (let message = reader.next(1); message; message = reader.next(1)) {
        const type = message[0] ?? 0
        if (isTerminate(type)) {
          socket.end()
          break
        }
        unit.push(message)
        if (!endsUnit(type)) continue
        connection.units.push({ messages: Buffer.concat(unit), keepsSession: keepsSession(type) })
        unit = []
        waiting.add(connection)
      }
      wake()
    }
    socket.on('data', (chunk) => {
      reader.push(chunk)
      try {
        readAll()
      } catch (error) {
        refuse(connection, '08P01', error instanceof Error ? error.message : String(error))
      }
    })
  }

  /** Answers a packet from before the conversation proper; true once the client may send queries. */
  function greet(connection: Connection, packet: Buffer): boolean {
    const code = packet.length >= 8 ? packet.readInt32BE(4) : 0
    if (code === protocolCode.ssl || code === protocolCode.gssEncryption) {
      connection.socket.write('N')
      return false
    }
    if (code === protocolCode.cancel) {
      connection.socket.destroy()
      return false
    }
    if (code >>> 16 !== 3) {
      refuse(connection, '08P01', `unsupported frontend protocol ${code >>> 16}.${code & 0xffff}`)
      return false
    }
    const parameters = readStartupParameters(packet)
    const database = parameters.get('database') ?? parameters.get('user')
    if (database !== options.database) {
      refuse(
        connection,
        '3D000',
        `database "${database}" does not exist, the embedded server has only "${options.database}"`,
      )
      return false
    }
    if (connections.size > options.maxConnections) {
      refuse(connection, '53300', `sorry, too many clients already (${options.maxConnections})`)
      return false
    }
    // One client's settings must not become everybody's, so all get the greeting of the first start-up.
    connection.socket.write(greeting)
    return true
  }

  function refuse(connection: Connection, code: string, text: string): void {
    forget(connection)
    connection.socket.end(fatalError(code, text))
    connection.socket.destroySoon()
  }

  /** Takes its work away; what the session still does for it is up to `abandon`. */
  function forget(connection: Connection): void {
    connection.closed = true
    connection.units = []
    waiting.delete(connection)
  }

  function wake(): void {
    running ??= work().finally(() => {
      running = undefined
    })
  }

  async function work(): Promise<void> {
    try {
      for (let next = chooseNext(); next; next = chooseNext()) {
        if (next.closed) await abandon()
        else await executeUnit(next)
      }
    } catch (error) {
      options.onSessionFailure(new Error(`the database session broke: ${inspect(error)}`, { cause: error }))
    }
  }

  function chooseNext(): Connection | undefined {
    if (owner) return owner.closed || owner.units.length > 0 ? owner : undefined
    return waiting.values().next().value
  }

  async function executeUnit(connection: Connection): Promise<void> {
    waiting.delete(connection)
    const unit = connection.units.shift()
    if (!unit) return
    const { socket } = connection
    owner = connection
    clearTimeout(ownerTimer)
    socket.cork()
    // Copied: the bytes lie in the session's memory, which it uses again.
    await session.execute(unit.messages, (bytes) => void (connection.closed || socket.write(Buffer.from(bytes))))
    socket.uncork()
    if (!unit.keepsSession && !session.inTransaction()) owner = undefined
    else ownerTimer = setTimeout(() => cutOff(connection), options.idleInTransactionTimeoutMs)
    if (connection.units.length > 0) waiting.add(connection)
  }

  /** The owner is gone: leave its half-sent unit and its transaction. */
  async function abandon(): Promise<void> {
    clearTimeout(ownerTimer)
    await session.execute(syncMessage, () => {})
    if (session.inTransaction()) await session.execute(queryMessage('ROLLBACK'), () => {})
    owner = undefined
  }

  function cutOff(connection: Connection): void {
    refuse(connection, '25P03', 'terminating connection due to idle-in-transaction timeout')
    wake()
  }

  return {
    async listen(socketPath) {
      const answers: Buffer[] = []
      await session.execute(startupMessage({ user: options.database, database: options.database }), (bytes) => {
        answers.push(Buffer.from(bytes))
      })
      greeting = Buffer.concat(answers)
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(socketPath, () => {
          server.off('error', reject)
          resolve()
        })
      })
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const { socket } of connections) socket.destroy()
      await closed
      await running
      clearTimeout(ownerTimer)
    },
  }
}
