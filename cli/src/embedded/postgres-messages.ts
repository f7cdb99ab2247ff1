/** The few PostgreSQL wire messages a multiplexer must tell apart or speak itself (PostgreSQL manual, chapter 54). */

export const protocolCode = { cancel: 80877102, ssl: 80877103, gssEncryption: 80877104 } as const

/** Type bytes of frontend messages that end a unit: the server answers and waits for the client after each. */
const unitEnds: ReadonlySet<number> = new Set([...'QFSH'].map((letter) => letter.charCodeAt(0)))

const flush = 'H'.charCodeAt(0)
const terminate = 'X'.charCodeAt(0)

export const endsUnit = (type: number): boolean => unitEnds.has(type)
/** After a Flush the client still holds the unnamed statement; every other end gives the session free. */
export const keepsSession = (type: number): boolean => type === flush
export const isTerminate = (type: number): boolean => type === terminate

export const syncMessage: Uint8Array = message('S', Buffer.alloc(0))

/** A simple query. */
export function queryMessage(sql: string): Uint8Array {
  return message('Q', cString(sql))
}

/** The first packet of a connection. */
export function startupMessage(parameters: Readonly<Record<string, string>>): Uint8Array {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [cString(name), cString(value)])
  const body = Buffer.concat([int32(196608), ...pairs, Buffer.alloc(1)])
  return Buffer.concat([int32(body.length + 4), body])
}

/** The parameters of a first packet, `user` and `database` among them. */
export function readStartupParameters(packet: Buffer): Map<string, string> {
  const parts = packet.toString('utf8', 8).split('\0')
  const parameters = new Map<string, string>()
  for (let index = 0; index + 1 < parts.length && parts[index] !== ''; index += 2) {
    parameters.set(parts[index] ?? '', parts[index + 1] ?? '')
  }
  return parameters
}

/**
 * A FATAL error, after which the server closes the connection.
 *
 * @param code SQLSTATE
 */
export function fatalError(code: string, text: string): Uint8Array {
  const fields = { S: 'FATAL', V: 'FATAL', C: code, M: text }
  const body = Object.entries(fields).map(([field, value]) => Buffer.concat([Buffer.from(field), cString(value)]))
  return message('E', Buffer.concat([...body, Buffer.alloc(1)]))
}

function message(type: string, body: Buffer): Uint8Array {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`)
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
