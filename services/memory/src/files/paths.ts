/** What a path of a memory file stands for. */
import { MeshError } from '@clawmesh/contracts'
import { cutText } from '@clawmesh/chassis'

const longestPath = 500
const folder = 'memory/'
const journal = 'MEMORY.md'

const invalidPath = (path: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_path', { path: cutText(path, longestPath) })

/**
 * A path without needless steps; steps back may not lead out of the folder.
 * @throws INVALID_REQUEST
 */
export const cleanFilePath = (path: string): string => {
  const trimmed = path.trim()
  if (trimmed.length > longestPath || trimmed.startsWith('/') || /[\\\0]/.test(trimmed)) throw invalidPath(trimmed)
  const steps: string[] = []
  for (const step of trimmed.split('/')) {
    if (step === '' || step === '.') continue
    if (step === '..' && steps.length > 0) steps.pop()
    else steps.push(step)
  }
  const clean = steps.join('/')
  if (clean === '' || clean.startsWith('..')) throw invalidPath(trimmed)
  return clean
}

/** The paths of the documents that a clean path may mean, the one that is written first. */
export const documentPathsOf = (path: string): string[] =>
  path.toLowerCase() === journal.toLowerCase() ? [journal, folder + journal] : [folder + path]

/** The names that a listing shows of the paths of documents; the journal comes first, and once. */
export const fileNamesOf = (documentPaths: readonly string[]): string[] => {
  const inFolder = documentPaths
    .filter((path) => path.startsWith(folder))
    .map((path) => path.slice(folder.length))
    .filter((name) => name !== '' && !name.includes('/'))
    .sort()
  return [...new Set([...(documentPaths.includes(journal) ? [journal] : []), ...inFolder])]
}
