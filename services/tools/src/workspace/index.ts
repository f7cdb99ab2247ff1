export { appendFile, changeFile, removeFile, withFile, writeFile } from './files.ts'
export { countFiles, listFolder, type Entry } from './listing.ts'
export { relativeNames } from './relative-path.ts'
export { workspacePath, type Workspace } from './workspace-path.ts'
