import type { z } from 'zod'

/** What a program printed, as JSON of a shape; undefined when it is none. */
export const printedJson = <T extends z.ZodType>(schema: T, printed: string): z.output<T> | undefined => {
  try {
    return schema.safeParse(JSON.parse(printed)).data
  } catch {
    return undefined
  }
}
