/**
 * Directories held open, so that what was checked is what is used.
 *
 * Node has no `openat`. On Linux `/proc/self/fd/N/name` is the same thing: the kernel jumps from N straight to the
 * directory that was opened, however its path may have been renamed or replaced by a symbolic link since. Elsewhere the
 * path is used and what it opened is compared afterwards, which narrows the gap but does not close it.
 */
import { constants, existsSync } from 'node:fs'
import { lstat, mkdir, open, readlink, realpath, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, toolError } from '../tool/tool-error.ts'

export interface Directory {
  readonly handle: FileHandle
  /** The real path it was opened at. */
  readonly path: string
}

const hasProc = existsSync('/proc/self/fd')
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/** A path by which the system reaches `name` in this very directory, `.` for the directory. */
export const at = (directory: Directory, name: string): string =>
  hasProc ? `/proc/self/fd/${directory.handle.fd}/${name}` : join(directory.path, name)

const leadsTo = async (path: string, handle: FileHandle): Promise<boolean> => {
  const [found, opened] = await Promise.all([lstat(path), handle.stat()])
  return found.dev === opened.dev && found.ino === opened.ino
}

/**
 * Makes sure that what was opened still stands at `path`, a path without links below the workspace's real one. What was
 * moved or unlinked meanwhile is refused (`/proc` shows the latter as "path (deleted)").
 * @throws TOOL_ERROR
 */
export const assertStandsAt = async (handle: FileHandle, path: string): Promise<void> => {
  const really = hasProc ? await readlink(`/proc/self/fd/${handle.fd}`) : await realpath(path).catch(() => '')
  if (really === path && (hasProc || (await leadsTo(path, handle)))) return
  throw toolError('path refused: it leads outside the workspace, or changed while it was being opened')
}

/** Opens a directory by a path that is trusted. The caller closes it. */
export const openTrusted = async (path: string): Promise<Directory> => {
  const real = await realpath(path)
  return { handle: await open(real, directoryFlags), path: real }
}

/**
 * Opens a directory inside another; a symbolic link is not followed.
 * @throws a system error: ENOTDIR or ELOOP when `name` is a link or a file, ENOENT
 */
export const openInside = async (parent: Directory, name: string): Promise<Directory> => {
  const path = join(parent.path, name)
  const handle = await open(at(parent, name), directoryFlags)
  try {
    await assertStandsAt(handle, path)
    return { handle, path }
  } catch (thrown) {
    await handle.close()
    throw thrown
  }
}

/** `openInside`, making the directory when there is none. */
export const openOrMake = async (parent: Directory, name: string): Promise<Directory> => {
  try {
    return await openInside(parent, name)
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw thrown
  }
  await mkdir(at(parent, name), { mode: 0o700 }).catch((thrown: unknown) => {
    if (errnoOf(thrown) !== 'EEXIST') throw thrown
  })
  return openInside(parent, name)
}
