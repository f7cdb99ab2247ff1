/** Where files are kept, whatever is behind it: the disk of the machine, or object storage that replicas share. */
import type { Workspace } from '../workspace/workspace-path.ts'

export interface StoredEntry {
  name: string
  kind: 'file' | 'folder'
  /** Bytes; 0 for folders. */
  size: number
  modifiedAt: Date
}

/** A file that was opened: what is read of it is of the one file that was found, whatever its name stands for by now. */
export interface StoredFile {
  size: number
  modifiedAt: Date
  /** Another one for other content, as an entity tag without its quotes. */
  version: string
  /** The bytes from `start` to `end`, both included, read as they are asked for. */
  read: (start: number, end: number) => AsyncIterable<Buffer>
}

export interface PutOptions {
  /** Over this many bytes nothing is stored. @throws PAYLOAD_TOO_LARGE */
  maxBytes: number
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
    bytes: AsyncIterable<Uint8Array>,
    options: PutOptions,
  ) => Promise<number>
  /** Removes a file, a link or a folder with all in it. False where there is nothing. */
  remove: (root: Workspace, names: readonly string[]) => Promise<boolean>
  /** Folders on the way to the destination are made, and nothing there is replaced. */
  move: (root: Workspace, from: readonly string[], to: readonly string[]) => Promise<'moved' | 'missing' | 'taken'>
}
