/** Files on the disk of the machine. Every step goes over an open directory, so that what was checked is what is used. */
import { constants } from 'node:fs'
import { link, lstat, readdir, rename, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { MeshError } from '@clawmesh/contracts'
import { errnoOf, toolError } from '../tool/tool-error.ts'
import { assertStandsAt, at, openInside, type Directory } from '../workspace/directory.ts'
import { openChecked, requirePlainFile, withTemporary } from '../workspace/files.ts'
import { localFiles } from '../workspace/local-files.ts'
import { openedFile } from '../workspace/opened.ts'
import { temporaryName } from '../workspace/temporary-name.ts'
import type { Workspace } from '../workspace/types.ts'
import { walkTo, type Place, type WalkOptions } from '../workspace/walk.ts'
import type { FileStore, StoredEntry } from './store.ts'

/** A folder nested deeper is not gone through: each level holds a descriptor. */
const deepest = 200

/** What says that there is nothing: no such name, or a file where a folder should be. */
const absent = new Set(['ENOENT', 'ENOTDIR'])
/** A folder that a command has closed to us has nothing to show. */
const closed = new Set([...absent, 'EACCES', 'EPERM'])

const unless = async <T>(codes: ReadonlySet<string>, work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work
  } catch (thrown) {
    if (codes.has(errnoOf(thrown))) return undefined
    throw thrown
  }
}

const entryOf = async (directory: Directory, name: string): Promise<StoredEntry | undefined> => {
  const found = await unless(absent, lstat(at(directory, name)))
  if (found?.isDirectory()) return { name, kind: 'folder', size: 0, modifiedAt: found.mtime }
  if (found?.isFile()) return { name, kind: 'file', size: found.size, modifiedAt: found.mtime }
  return undefined
}

const removeTree = async (parent: Directory, name: string, depth = 0): Promise<void> => {
  if (!(await lstat(at(parent, name))).isDirectory()) return unlink(at(parent, name))
  if (depth === deepest) throw toolError(`path refused: folders in it are nested deeper than ${deepest}`)
  const inner = await openInside(parent, name)
  try {
    for (const entry of await readdir(at(inner, '.'))) await removeTree(inner, entry, depth + 1)
  } finally {
    await inner.handle.close()
  }
  await rmdir(at(parent, name))
}

/** Unlike a rename, this replaces no file; a folder that is there is seen before, and one with something in it stays. */
const moveTo = async (from: Directory, name: string, to: Directory, newName: string): Promise<void> => {
  const found = await lstat(at(from, name))
  if (found.isDirectory()) return rename(at(from, name), at(to, newName))
  requirePlainFile(found)
  await link(at(from, name), at(to, newName))
  await unlink(at(from, name))
}

const named = (place: Place): string => {
  if (place.name === undefined) throw toolError('path refused: it is the root')
  return place.name
}

export const createLocalStore = (): FileStore => {
  const reach = <T>(
    root: Workspace,
    names: readonly string[],
    options: Omit<WalkOptions, 'access'>,
    use: (place: Place) => Promise<T>,
  ): Promise<T> => walkTo(root, names.join('/'), { access: 'archive', ...options }, use)

  const find: FileStore['find'] = (root, names) =>
    unless(
      absent,
      reach(root, names, { links: 'refuse' }, async ({ directory, name }) =>
        name === undefined
          ? { name: '', kind: 'folder', size: 0, modifiedAt: (await directory.handle.stat()).mtime }
          : entryOf(directory, name),
      ),
    )

  return {
    find,
    files: localFiles,

    list: async (root, names) => {
      const entries = await unless(
        closed,
        reach(root, names, { links: 'refuse' }, async ({ directory: parent, name }) => {
          const directory = name === undefined ? parent : await openInside(parent, name)
          try {
            const found = (await readdir(at(directory, '.'))).filter((entry) => !temporaryName.test(entry)).sort()
            const described: StoredEntry[] = []
            for (const entry of found) {
              const shown = await entryOf(directory, entry)
              if (shown !== undefined) described.push(shown)
            }
            return described
          } finally {
            if (name !== undefined) await directory.handle.close()
          }
        }),
      )
      return entries ?? []
    },

    open: (root, names, use) =>
      unless(
        absent,
        reach(root, names, { links: 'refuse' }, async ({ directory, name }) => {
          if (name === undefined || temporaryName.test(name)) return undefined
          const entry = await entryOf(directory, name)
          if (entry?.kind === 'folder') return undefined
          const handle = await openChecked({ directory, name }, constants.O_RDONLY)
          try {
            return await use(await openedFile(handle))
          } finally {
            await handle.close()
          }
        }),
      ),

    put: (root, names, bytes, { maxBytes, isNew = false }) =>
      reach(root, names, { links: 'parents', create: true }, async (place) => {
        const name = named(place)
        const { directory } = place
        if ((await entryOf(directory, name))?.kind === 'folder') throw toolError('the path is a directory, not a file')
        return withTemporary(directory, async (handle, temporary) => {
          let size = 0
          for await (const piece of bytes) {
            size += piece.length
            if (size > maxBytes) throw new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit: maxBytes })
            await handle.appendFile(piece)
          }
          await assertStandsAt(handle, join(directory.path, temporary))
          if (isNew) {
            // Unlike a rename, this replaces nothing.
            await link(at(directory, temporary), at(directory, name))
            await unlink(at(directory, temporary))
          } else await rename(at(directory, temporary), at(directory, name))
          return size
        })
      }),

    remove: async (root, names) => {
      const removed = unless(
        absent,
        reach(root, names, { links: 'parents' }, async (place) => {
          await removeTree(place.directory, named(place))
          return true
        }),
      )
      return (await removed) ?? false
    },

    move: async (root, from, to) => {
      if ((await find(root, from)) === undefined) return 'missing'
      if ((await find(root, to)) !== undefined) return 'taken'
      try {
        return await reach(root, from, { links: 'refuse' }, (source) =>
          reach(root, to, { links: 'refuse', create: true }, async (target) => {
            await moveTo(source.directory, named(source), target.directory, named(target))
            return 'moved' as const
          }),
        )
      } catch (thrown) {
        const code = errnoOf(thrown)
        if (code === 'ENOENT') return 'missing'
        if (['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(code)) return 'taken'
        if (code === 'EINVAL') throw toolError('path refused: a folder cannot go into itself')
        throw thrown
      }
    },
  }
}
