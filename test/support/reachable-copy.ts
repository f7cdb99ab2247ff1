/** Lets a program of this checkout be run by another user, who may not enter the folders above it (/root, say). */
import { cp, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const othersMayEnter = 0o001

/**
 * The folder itself when everybody can reach it, else a copy of it below the temporary directory, which is kept for the
 * next run.
 *
 * @throws Error when somebody else put something in the copy's place
 */
export async function copyIfHidden(folder: string): Promise<string> {
  if (await isReachable(folder)) return folder
  const { mtimeMs } = await stat(folder)
  const hash = createHash('sha256').update(`${folder}:${mtimeMs}`).digest('hex').slice(0, 16)
  const copy = join(tmpdir(), `clawmesh-copy-${hash}`)
  const existing = await stat(copy).catch(() => undefined)
  if (existing) {
    if (existing.uid !== process.getuid?.()) throw new Error(`${copy} belongs to somebody else; remove it`)
    return copy
  }
  const unfinished = await mkdtemp(`${copy}-`)
  await cp(folder, join(unfinished, 'content'), { recursive: true, verbatimSymlinks: true })
  // Whoever renames first wins; a second copy of the same files is simply dropped.
  await rename(join(unfinished, 'content'), copy).catch(() => undefined)
  await rm(unfinished, { recursive: true, force: true })
  return copy
}

async function isReachable(folder: string): Promise<boolean> {
  for (let current = folder; ; current = dirname(current)) {
    if (((await stat(current)).mode & othersMayEnter) === 0) return false
    if (current === dirname(current)) return true
  }
}
