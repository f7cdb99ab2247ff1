/** What a model may be told of a failure. */
import { MeshError } from '@clawmesh/contracts'
import { errnoOf } from '../tool/tool-error.ts'
import type { ToolContext } from '../tool/tool.ts'

const systemFailures: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'the path is a folder, not a file',
  EEXIST: 'it exists already',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system cannot be written to',
  ENOSPC: 'no space left',
  EDQUOT: 'no space left',
  ENAMETOOLONG: 'the path is too long',
  ENXIO: 'it is not a regular file',
}

/** Folders of the host, longest first, as the agent may call them. */
const hostFolders = ({ workspace, team, readable = [] }: ToolContext): [folder: string, name: string][] =>
  [workspace, team?.workspace, ...readable].flatMap((folder): [string, string][] =>
    folder
      ? [
          [folder.path, '.'],
          [folder.base, '[...]'],
        ]
      : [],
  )

/**
 * A sentence without stack and host paths. Only errors that were worded for others speak for themselves; of the rest no
 * more than the system's code is told.
 */
export const failureText = (thrown: unknown, context: ToolContext): string => {
  const words =
    thrown instanceof MeshError && thrown.code !== 'INTERNAL'
      ? thrown.message
      : (systemFailures[errnoOf(thrown)] ?? 'the tool failed unexpectedly')
  return hostFolders(context)
    .sort(([a], [b]) => b.length - a.length)
    .reduce((text, [folder, name]) => text.replaceAll(folder, name), words)
}
