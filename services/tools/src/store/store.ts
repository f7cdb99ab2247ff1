/** Where files are kept, whatever is behind it: the disk of the machine, or object storage that replicas share. */
import type { StoredFile, Workspace, WorkspaceFiles } from '../workspace/types.ts'

export interface StoredEntry {
  name: string
  kind: 'file' | 'folder'
  /** Bytes; 0 for folders. */
  size: number
  modifiedAt: Date
}

export interface PutOptions {
  /** Over this many bytes nothing is stored. @throws PAYLOAD_TOO_LARGE */
  maxBytes: number
  /** Whether a file that is there stays. @throws the system error EEXIST */
  isNew?: boolean
}

/**
 * Files below a root, by the names that lead there (`relativeNames` has judged them). No symbolic link is ever followed:
 * one on the way is refused with TOOL_ERROR, as is what is neither file nor folder, and a file with a second name.
 */
export interface FileStore {
  /** What a folder holds, by name, links and what is being written left out; nothing where there is no such folder. */
  list: (root: Workspace, names: readonly string[]) => Promise<StoredEntry[]>
  /** What stands there; undefined for nothing. */
  find: (root: Workspace, names: readonly string[]) => Promise<StoredEntry | undefined>
  /** Opens a file while `use` runs; undefined where there is none. */
  open: <T>(root: Workspace, names: readonly string[], use: (file: StoredFile) => Promise<T>) => Promise<T | undefined>
  /** Stores what comes, folders made; a file or a link of that name is replaced when all of it is there. Its size. */
  put: (
    root: Workspace,
    names: readonly string[],
    bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: PutOptions,
  ) => Promise<number>
  /** Removes a file, a link or a folder with all in it. False where there is nothing. */
  remove: (root: Workspace, names: readonly string[]) => Promise<boolean>
  /** Folders on the way to the destination are made, and nothing there is replaced. */
  move: (root: Workspace, from: readonly string[], to: readonly string[]) => Promise<'moved' | 'missing' | 'taken'>
  /** The same files as tools see them, by the paths that are given to tools. */
  files: WorkspaceFiles
}
