/** Maps of a few entries. */
import { z } from 'zod'

const entriesOf = (given: unknown): number =>
  typeof given === 'object' && given !== null ? Object.keys(given).length : 0

/**
 * A record of at most so many entries. One with more is refused before any of them is looked at: zod looks at each entry of
 * a record, however many of them are faulty.
 * @param what they are called in the refusal
 */
export const smallRecord = <T extends z.ZodRecord>(most: number, what: string, schema: T) =>
  z.preprocess((given: z.input<T>, { addIssue }): z.input<T> => {
    if (entriesOf(given) <= most) return given
    addIssue(`at most ${most} ${what}`)
    return z.NEVER
  }, schema)
