/** Paths of entries. */
import { limits, refused } from './limits.ts'

/** The names of a path that stays inside. @throws INVALID_REQUEST for another one */
export const pathNames = (path: string): string[] => {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  const isOutside =
    path.startsWith('/') ||
    /[\\\p{Cc}]/u.test(path) ||
    Buffer.byteLength(path) > limits.nameBytes ||
    names.includes('..')
  if (isOutside || names.some((name) => Buffer.byteLength(name) > 255)) throw refused('leads elsewhere')
  return names
}
