import { relative } from 'node:path'
import { longestKey, spelled } from '@clawmesh/chassis/bucket'
import { toolError } from '../tool/tool-error.ts'
import type { Workspace } from '../workspace/types.ts'

/** The key of what names lead to from a root. @throws TOOL_ERROR for one that is no key */
export const keyOf = ({ base, path }: Pick<Workspace, 'base' | 'path'>, names: readonly string[]): string => {
  const key = [...relative(base, path).split('/'), ...names].filter((name) => name !== '').join('/')
  if (!key.isWellFormed() || Buffer.byteLength(spelled(key)) > longestKey)
    throw toolError('path refused: it is too long for object storage, or holds half a character')
  return key
}
