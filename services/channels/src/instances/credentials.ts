import type { Credentials } from './types.ts'

/** What a secret reads as; written back it means "as stored". */
export const mask = '***'

/** Stored credentials with the given ones laid over them key by key. A masked value keeps what is stored, if anything. */
export const mergeCredentials = (stored: Credentials, given: Credentials): Credentials => ({
  ...stored,
  ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== mask)),
})

/** The names of credentials, each with the mask for its value. */
export const masked = (keys: readonly string[]): Record<string, typeof mask> =>
  Object.fromEntries(keys.map((key) => [key, mask]))
