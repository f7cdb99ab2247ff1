/** Reading and writing files of a workspace. What is read or written is always a descriptor that was checked first. */
import { largestFileBytes } from '@clawmesh/contracts'
import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { lstat, open, rename, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, toolError } from '../tool/tool-error.ts'
import { assertStandsAt, at, type Directory } from './directory.ts'
import { fileMutex } from './file-mutex.ts'
import { walkTo, type Place } from './walk.ts'
import { openedFile } from './opened.ts'
import { decodeText } from './text.ts'
import type { Workspace, WorkspaceFiles } from './types.ts'

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants

type TextChange = (old: string | undefined) => string

interface FilePlace extends Place {
  name: string
}

const requireName = (place: Place): FilePlace => {
  if (place.name === undefined) throw toolError('the path is a directory, not a file')
  return { ...place, name: place.name }
}

/** A second name of the same file may stand outside the workspace, or be another user's. */
export const requirePlainFile = (found: Stats): void => {
  if (found.isDirectory()) throw toolError('the path is a directory, not a file')
  if (!found.isFile()) throw toolError('path refused: it is not a regular file')
  if (found.nlink > 1) throw toolError('path refused: the file has more than one hard link')
}

/** Opens a plain file of a directory that is held. @throws TOOL_ERROR; system errors */
export const openChecked = async (
  { directory, name }: Pick<FilePlace, 'directory' | 'name'>,
  flags: number,
): Promise<FileHandle> => {
  // Not to block on a pipe that nobody writes to.
  const handle = await open(at(directory, name), flags | O_NOFOLLOW | O_NONBLOCK)
  try {
    // In this order: a name that stands after the file had but one is that one. The other way round, a hard link to a
    // foreign file could be opened, pass as standing, be removed, and so leave the foreign file with a single name.
    requirePlainFile(await handle.stat())
    await assertStandsAt(handle, join(directory.path, name))
    return handle
  } catch (thrown) {
    await handle.close()
    throw thrown
  }
}

const isMissing = (thrown: unknown): boolean => errnoOf(thrown) === 'ENOENT'

/**
 * Makes a file beside where it will stand, for `use` to fill and rename; it goes where that fails.
 * @throws TOOL_ERROR when the directory was moved meanwhile; what `use` throws
 */
export const withTemporary = async <T>(
  directory: Directory,
  use: (handle: FileHandle, name: string) => Promise<T>,
): Promise<T> => {
  const temporary = `.clawmesh-${randomBytes(8).toString('hex')}.tmp`
  const handle = await open(at(directory, temporary), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  try {
    await assertStandsAt(handle, join(directory.path, temporary))
    return await use(handle, temporary)
  } catch (thrown) {
    await unlink(at(directory, temporary)).catch(() => {})
    throw thrown
  } finally {
    await handle.close()
  }
}

/** Makes `name` hold `content`: a new file beside it takes its place, so that no reader sees half of it. */
const replace = async (
  { grow }: Workspace,
  { directory, name }: FilePlace,
  content: string | Uint8Array,
  mode?: number,
): Promise<void> => {
  if (Buffer.byteLength(content) > largestFileBytes) throw toolError(`the file would exceed ${largestFileBytes} bytes`)
  const old = await lstat(at(directory, name)).catch((thrown: unknown) => {
    if (isMissing(thrown)) return undefined
    throw thrown
  })
  if (old) requirePlainFile(old)
  const added = Buffer.byteLength(content) - (old?.size ?? 0)
  if (added > 0) await grow?.(added)
  await withTemporary(directory, async (handle, temporary) => {
    await handle.writeFile(content)
    await handle.chmod(mode ?? (old ? old.mode & 0o777 : 0o600))
    await rename(at(directory, temporary), at(directory, name))
  })
}

const readText = async (place: FilePlace): Promise<string | undefined> => {
  let handle: FileHandle
  try {
    handle = await openChecked(place, O_RDONLY)
  } catch (thrown) {
    if (isMissing(thrown)) return undefined
    throw thrown
  }
  try {
    if ((await handle.stat()).size > largestFileBytes)
      throw toolError(`the file is larger than ${largestFileBytes} bytes`)
    return decodeText(await handle.readFile())
  } finally {
    await handle.close()
  }
}

const lockKey = (place: Place): string => [place.root, ...place.names].join('/')

/**
 * Opens a regular file of the workspace for reading while `use` runs.
 * @throws TOOL_ERROR when the path is refused; system errors such as ENOENT
 */
export const withFile: WorkspaceFiles['withFile'] = (workspace, path, use) =>
  walkTo(workspace, path, { access: 'read' }, async (place) => {
    const handle = await openChecked(requireName(place), O_RDONLY)
    try {
      return await use(await openedFile(handle))
    } finally {
      await handle.close()
    }
  })

/**
 * Replaces a text file by what `change` makes of it (undefined: there was none), missing directories made. Changes of
 * one file follow one another. Returns the names from the workspace to the file.
 * @throws TOOL_ERROR, also when the old content is not UTF-8; what `change` throws; system errors
 */
export const changeFile = (workspace: Workspace, path: string, change: TextChange): Promise<string[]> =>
  walkTo(workspace, path, { access: 'other', create: true }, (place) =>
    fileMutex(lockKey(place), async () => {
      const file = requireName(place)
      await replace(workspace, file, change(await readText(file)))
      return place.names
    }),
  )

/**
 * Writes a whole file, whatever was there before. Returns the names from the workspace to the file.
 * @param mode permissions; those of the old file, or 0600, unless given
 * @throws TOOL_ERROR; system errors
 */
export const writeFile: WorkspaceFiles['writeFile'] = (workspace, path, content, mode) =>
  walkTo(workspace, path, { access: 'other', create: true }, (place) =>
    fileMutex(lockKey(place), async () => {
      await replace(workspace, requireName(place), content, mode)
      return place.names
    }),
  )

/** Adds to the end of a file, making it when there is none. @throws TOOL_ERROR; system errors */
export const appendFile = (workspace: Workspace, path: string, content: string): Promise<string[]> =>
  walkTo(workspace, path, { access: 'other', create: true }, (place) =>
    fileMutex(lockKey(place), async () => {
      const file = requireName(place)
      let handle: FileHandle
      try {
        handle = await openChecked(file, O_WRONLY | O_APPEND)
      } catch (thrown) {
        if (!isMissing(thrown)) throw thrown
        await replace(workspace, file, content)
        return place.names
      }
      try {
        const size = (await handle.stat()).size + Buffer.byteLength(content)
        if (size > largestFileBytes) throw toolError(`the file would exceed ${largestFileBytes} bytes`)
        await workspace.grow?.(Buffer.byteLength(content))
        await handle.writeFile(content)
        return place.names
      } finally {
        await handle.close()
      }
    }),
  )

/** Removes a regular file. @throws TOOL_ERROR; system errors such as ENOENT */
export const removeFile = (workspace: Workspace, path: string): Promise<string[]> =>
  walkTo(workspace, path, { access: 'other' }, async (place) => {
    const { directory, name } = requireName(place)
    requirePlainFile(await lstat(at(directory, name)))
    await unlink(at(directory, name))
    return place.names
  })
