/** The spelling of a path that a model or a user gave: refused, or broken into the names below a workspace. */
import { posix } from 'node:path'
import { toolError } from '../tool/tool-error.ts'

const longestName = 255
const longestPath = 4096

const refused: readonly [pattern: RegExp, reason: string][] = [
  [/\0/, 'contains a NUL byte'],
  [/\p{Cc}/u, 'contains a control character'],
  [/\\/, 'contains a backslash'],
  // Nothing here decodes them, but something behind us might.
  [/%(?:2e|2f|5c|00|25)/i, 'contains percent-encoded separators'],
]

/** The part of `path` below `root`; undefined when it stands elsewhere. */
const below = (root: string, path: string): string | undefined =>
  path === root ? '.' : path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined

/**
 * The names that lead from a workspace to `path`; none for the workspace itself. `..` may wander inside, not out.
 * @param roots spellings of the workspace that an absolute path may begin with
 * @throws TOOL_ERROR
 */
export const relativeNames = (path: string, roots: readonly string[]): string[] => {
  const reason = refused.find(([pattern]) => pattern.test(path))?.[1]
  if (reason !== undefined) throw toolError(`path refused: it ${reason}`)
  if (Buffer.byteLength(path) > longestPath) throw toolError(`path refused: it is longer than ${longestPath} bytes`)

  const normal = posix.normalize(path === '' ? '.' : path)
  const inside = posix.isAbsolute(normal)
    ? roots.map((root) => below(root, normal)).find((part) => part !== undefined)
    : normal
  const names = (inside ?? '..').split('/').filter((name) => name !== '' && name !== '.')
  if (names[0] === '..') throw toolError(`path refused: ${path} is outside the workspace`)
  const long = names.find((name) => Buffer.byteLength(name) > longestName)
  if (long !== undefined) throw toolError(`path refused: a name in it is longer than ${longestName} bytes`)
  return names
}
