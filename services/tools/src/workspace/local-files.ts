/** Files of workspaces on the disk of the machine. */
import { appendFile, changeFile, removeFile, withFile, writeFile } from './files.ts'
import { listFolder } from './listing.ts'
import type { WorkspaceFiles } from './types.ts'

export const localFiles: WorkspaceFiles = { withFile, changeFile, writeFile, appendFile, removeFile, listFolder }
