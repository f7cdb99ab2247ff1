/** Paths that no command may name: what the installation keeps for itself. */
import { posix, resolve } from 'node:path'
import type { Mesh } from '@clawmesh/chassis'

const ownFolders = /(?:^|\/)\.(?:goclaw|clawmesh)(?:\/|$)/
const ownFiles = /^(?:config\.json|(?:memory|goclaw)\.db(?:-wal|-shm)?)$/
/** The tool's own folders in a workspace; a plain word of that name is no path. */
const ownWorkspaceFolders = /^(?:\.\/)*(?:memory|delegate)\//
const skills = /(?:^|\/)skills-store\//

/** What is the installation's by where it stands: its data, and the file that it is configured by. */
export const ownPaths = ({
  dataDir,
  workspaceDir,
  config: { configFile },
}: Pick<Mesh, 'dataDir' | 'workspaceDir'> & { config: Pick<Mesh['config'], 'configFile'> }): string[] => [
  dataDir,
  workspaceDir,
  resolve(configFile),
]

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
