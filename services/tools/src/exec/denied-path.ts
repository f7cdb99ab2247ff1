/** Paths that no command may name: what the installation keeps for itself. */
import { posix } from 'node:path'

const ownFolders = /(?:^|\/)\.(?:goclaw|clawmesh)(?:\/|$)/
const ownFiles = /^(?:config\.json|(?:memory|goclaw)\.db(?:-wal|-shm)?)$/
/** The tool's own folders in a workspace; a plain word of that name is no path. */
const ownWorkspaceFolders = /^(?:\.\/)*(?:memory|delegate)\//
const skills = /(?:^|\/)skills-store\//

/** @param own absolute paths of the installation: its data folder, its configuration file */
export const deniedPathTest =
  (own: readonly string[]) =>
  (word: string): boolean => {
    const path = posix.normalize(word.slice(word.indexOf('=') + 1)).toLowerCase()
    if (skills.test(path) && !path.includes('..')) return false
    return (
      ownFolders.test(path) ||
      ownFiles.test(posix.basename(path)) ||
      ownWorkspaceFolders.test(path) ||
      own.some((folder) => path === folder.toLowerCase() || path.startsWith(`${folder.toLowerCase()}/`))
    )
  }
