import { createHash } from 'node:crypto'
import { v5, v7 } from 'uuid'

/** A time-ordered id (UUID v7). */
export const newId = (): string => v7()

/** The id that a name always has under another id (UUID v5). */
export const derivedId = (id: string, name: string): string => v5(name, id)

/** Lower-case hex SHA-256 of a text. */
export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex')
