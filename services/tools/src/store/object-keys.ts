import { relative } from 'node:path'
import { toolError } from '../tool/tool-error.ts'
import type { Workspace } from '../workspace/types.ts'

/** What S3 takes as a key is 1,024 bytes; some are left for the prefix of the bucket. */
const longestKey = 900

/** The key of what names lead to from a root. @throws TOOL_ERROR for one that is no key */
export const keyOf = ({ base, path }: Pick<Workspace, 'base' | 'path'>, names: readonly string[]): string => {
  const key = [...relative(base, path).split('/'), ...names].filter((name) => name !== '').join('/')
  // Some characters are spelt in three.
  if (!key.isWellFormed() || Buffer.byteLength(key.replaceAll(/[%?&'"<>]/g, '___')) > longestKey)
    throw toolError('path refused: it is too long for object storage, or holds half a character')
  return key
}
