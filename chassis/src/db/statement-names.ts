/**
 * Names for the statements that Prisma makes, under which connections keep them parsed and planned. Only what comes again
 * gets one: a name is kept for good, and some texts are made for one list of a certain length.
 */
import { LRUCache } from 'lru-cache'

const namedFrom = 5
const maxNames = 200
const maxCounted = 500
const maxChars = 8_000

/** Gives the name of a text; undefined while it has none, which is no name to pg either. */
export const createStatementNames = (prefix: string): ((text: string) => string | undefined) => {
  const names = new Map<string, string>()
  const counts = new LRUCache<string, number>({ max: maxCounted })
  return (text) => {
    const known = names.get(text)
    if (known !== undefined || names.size === maxNames || text.length > maxChars) return known
    const count = (counts.get(text) ?? 0) + 1
    counts.set(text, count)
    if (count < namedFrom) return undefined
    counts.delete(text)
    const name = `${prefix}.${names.size}`
    names.set(text, name)
    return name
  }
}
