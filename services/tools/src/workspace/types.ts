/** The folders that tools work in, and what they do with the files in them, wherever these are kept. */

/** A file that was opened: what is read of it is of the one file that was found, whatever its name stands for by now. */
export interface StoredFile {
  size: number
  modifiedAt: Date
  /** Another one for other content, as an entity tag without its quotes. */
  version: string
  /** The bytes from `start` to `end`, both included, read as they are asked for. */
  read: (start: number, end: number) => AsyncIterable<Buffer>
}

export interface Entry {
  name: string
  kind: 'directory' | 'file'
  sizeBytes: number
  /** Whether a symbolic link led there. */
  link: boolean
}

export interface Listing {
  entries: Entry[]
  /** How many there are, shown or not. */
  total: number
}

/**
 * Files by the paths that models and users give. Names of the system's own are refused with TOOL_ERROR, as is what leads
 * out of the workspace; what is not there is a system error such as ENOENT. What writes answers the names from the
 * workspace to the file, and makes the folders on the way.
 */
export interface WorkspaceFiles {
  /** Opens a regular file for reading while `use` runs. */
  withFile: <T>(workspace: Workspace, path: string, use: (file: StoredFile) => Promise<T>) => Promise<T>
  /**
   * Replaces a text file by what `change` makes of it (undefined: there was none). Changes of one file follow one
   * another, and `change` may be asked again. @throws TOOL_ERROR, also when the old content is not UTF-8
   */
  changeFile: (workspace: Workspace, path: string, change: (old: string | undefined) => string) => Promise<string[]>
  /** Writes a whole file, whatever was there before. */
  writeFile: (workspace: Workspace, path: string, content: string | Uint8Array, mode?: number) => Promise<string[]>
  /** Adds to the end of a file, making it when there is none. */
  appendFile: (workspace: Workspace, path: string, content: string) => Promise<string[]>
  /** Removes a regular file. */
  removeFile: (workspace: Workspace, path: string) => Promise<string[]>
  /** The entries of a folder by name, at most `limit` of them. Denied names and what is neither file nor folder are left out. */
  listFolder: (workspace: Workspace, path: string, limit?: number) => Promise<Listing>
}

/** A folder that tools may work in. `base` is the operator's and trusted; everything between it and `path` is not. */
export interface Workspace {
  base: string
  path: string
  /** Where its files are kept; the disk of the machine unless said. */
  files?: WorkspaceFiles
  /** Is told of bytes that are about to be added; throws where the tenant may keep no more. */
  grow?: (bytes: number) => Promise<void>
}
