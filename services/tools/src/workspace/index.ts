/** What tools do with files, wherever those of a workspace are kept. */
import { errnoOf } from '../tool/tool-error.ts'
import { localFiles } from './local-files.ts'
import type { Workspace, WorkspaceFiles } from './types.ts'

export { relativeNames } from './relative-path.ts'
export { workspacePath } from './workspace-path.ts'
export type { Entry, Workspace } from './types.ts'

const filesOf = ({ files = localFiles }: Workspace): WorkspaceFiles => files

export const withFile: WorkspaceFiles['withFile'] = (workspace, ...rest) =>
  filesOf(workspace).withFile(workspace, ...rest)
export const changeFile: WorkspaceFiles['changeFile'] = (workspace, ...rest) =>
  filesOf(workspace).changeFile(workspace, ...rest)
export const writeFile: WorkspaceFiles['writeFile'] = (workspace, ...rest) =>
  filesOf(workspace).writeFile(workspace, ...rest)
export const appendFile: WorkspaceFiles['appendFile'] = (workspace, ...rest) =>
  filesOf(workspace).appendFile(workspace, ...rest)
export const removeFile: WorkspaceFiles['removeFile'] = (workspace, ...rest) =>
  filesOf(workspace).removeFile(workspace, ...rest)
export const listFolder: WorkspaceFiles['listFolder'] = (workspace, ...rest) =>
  filesOf(workspace).listFolder(workspace, ...rest)

/** How many files stand in a folder and below it; counting stops at `most`. Links are not followed. */
export const countFiles = async (workspace: Workspace, path: string, most: number): Promise<number> => {
  let count = 0
  const pending = [path]
  for (let folder = pending.pop(); folder !== undefined && count < most; folder = pending.pop()) {
    const { entries } = await listFolder(workspace, folder, Number.POSITIVE_INFINITY).catch((thrown: unknown) => {
      if (errnoOf(thrown) === 'ENOENT') return { entries: [] }
      throw thrown
    })
    const own = entries.filter(({ link }) => !link)
    count += own.filter(({ kind }) => kind === 'file').length
    pending.push(...own.filter(({ kind }) => kind === 'directory').map(({ name }) => `${folder}/${name}`))
  }
  return count
}
