import { createHash, webcrypto, randomFillSync } from 'node:crypto'
import { v5, v7 } from 'uuid'

const randomBytes = 16
/** Random bytes for ids to come: asking for a few each time takes three times as long as all the rest. */
const pool = Buffer.alloc(256 * randomBytes)
let used = pool.length
let last = { msecs: 0, seq: 0 }

const nextRandom = (): Buffer => {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return pool.subarray(used, (used += randomBytes))
}

/** A time-ordered id (UUID v7); those of one process come in the order in which they were made. */
export const newId = (): string => {
  const random = nextRandom()
  const msecs = Date.now()
  // Half of the numbers are left for those of the same millisecond.
  last = msecs > last.msecs ? { msecs, seq: random.readUInt32BE(6) >>> 1 } : { ...last, seq: last.seq + 1 }
  return v7({ random, ...last })
}

/** The id that a name always has under another id (UUID v5). */
export const derivedId = (id: string, name: string): string => v5(name, id)

/** Lower-case hex SHA-256 of a text. */
export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex')

/** The same off the event loop, for texts of megabytes. */
export const sha256HexAside = async (text: string): Promise<string> =>
  Buffer.from(await webcrypto.subtle.digest('SHA-256', Buffer.from(text))).toString('hex')
