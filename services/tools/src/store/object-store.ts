/** Files in object storage that replicas share. A folder is what names of objects begin with: there are no empty ones. */
import { posix } from 'node:path'
import { MeshError } from '@clawmesh/contracts'
import { toolError } from '../tool/tool-error.ts'
import { temporaryName } from '../workspace/temporary-name.ts'
import type { StoredFile, Workspace } from '../workspace/types.ts'
import { partBytes, type Bucket } from '@clawmesh/chassis/bucket'
import { createObjectFiles } from './object-files.ts'
import { keyOf } from './object-keys.ts'
import type { FileStore, StoredEntry } from './store.ts'

const folderKey = (root: Workspace, names: readonly string[]): string => {
  const key = keyOf(root, names)
  return key === '' ? '' : `${key}/`
}

/** What comes, in pieces of a part each; the last one is what is left. */
const inParts = async function* (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  let pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of bytes) {
    pieces.push(piece)
    size += piece.length
    if (size < partBytes) continue
    yield Buffer.concat(pieces)
    pieces = []
    size = 0
  }
  yield Buffer.concat(pieces)
}

export const createObjectStore = (bucket: Bucket): FileStore => {
  const hasAny = async (prefix: string): Promise<boolean> => {
    for await (const _ of bucket.under(prefix, 1)) return true
    return false
  }

  const find: FileStore['find'] = async (root, names) => {
    const name = names.at(-1)
    if (name === undefined) return { name: '', kind: 'folder', size: 0, modifiedAt: new Date(0) }
    const object = await bucket.find(keyOf(root, names))
    if (object !== undefined) return { name, kind: 'file', size: object.size, modifiedAt: object.modifiedAt }
    if (!(await hasAny(folderKey(root, names)))) return undefined
    return { name, kind: 'folder', size: 0, modifiedAt: new Date(0) }
  }

  /** A name is a file's or a folder's, as on a disk. @throws TOOL_ERROR */
  const requirePlace = async (root: Workspace, names: readonly string[]): Promise<void> => {
    if (names.length === 0) throw toolError('path refused: it is the root')
    const above = names.slice(0, -1).map((_, index) => names.slice(0, index + 1))
    const [isFolder, ...files] = await Promise.all([
      hasAny(folderKey(root, names)),
      ...above.map((folder) => bucket.find(keyOf(root, folder))),
    ])
    if (isFolder) throw toolError('the path is a directory, not a file')
    if (files.some((file) => file !== undefined)) throw toolError('path refused: a file stands on it')
  }

  const fileOf = async (key: string): Promise<StoredFile | undefined> => {
    const object = await bucket.find(key)
    return object && { ...object, read: (start, end) => bucket.read(key, object.version, start, end) }
  }

  const list: FileStore['list'] = async (root, names) => {
    const start = folderKey(root, names)
    const entries = new Map<string, StoredEntry>()
    for await (const found of bucket.level(start)) {
      const isFolder = 'prefix' in found
      const name = (isFolder ? found.prefix.slice(0, -1) : found.key).slice(start.length)
      // Some programs keep an object of a folder's name in it.
      if (name === '' || temporaryName.test(name)) continue
      entries.set(
        name,
        isFolder
          ? { name, kind: 'folder', size: 0, modifiedAt: new Date(0) }
          : { name, kind: 'file', size: found.size, modifiedAt: found.modifiedAt },
      )
    }
    return [...entries.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  const put: FileStore['put'] = async (root, names, bytes, { maxBytes, isNew = false }) => {
    await requirePlace(root, names)
    const key = keyOf(root, names)
    let size = 0
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of bytes) {
        size += piece.length
        if (size > maxBytes) throw new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit: maxBytes })
        yield piece
      }
    }
    const taken = Object.assign(new Error('there is a file of that name'), { code: 'EEXIST' })
    const parts = inParts(counted())
    const begun = await parts.next()
    const first = begun.done === true ? Buffer.alloc(0) : begun.value
    if (first.length < partBytes) {
      if (!(await bucket.write(key, first, isNew ? 'absent' : undefined))) throw taken
      return size
    }
    // Not every server keeps conditions on parts: two that make the same large file at once may both believe they did.
    if (isNew && (await bucket.find(key)) !== undefined) throw taken
    await bucket.writeParts(
      key,
      (async function* () {
        yield first
        for await (const part of parts) if (part.length > 0) yield part
      })(),
    )
    return size
  }

  const remove: FileStore['remove'] = async (root, names) => {
    if (names.length === 0) throw toolError('path refused: it is the root')
    const keys: string[] = []
    for await (const { key } of bucket.under(folderKey(root, names))) keys.push(key)
    const own = keyOf(root, names)
    if ((await bucket.find(own)) !== undefined) keys.push(own)
    for (const key of keys) await bucket.remove(key)
    return keys.length > 0
  }

  return {
    find,
    list,
    put,
    remove,
    open: async (root, names, use) => {
      const name = names.at(-1)
      if (name === undefined || temporaryName.test(name)) return undefined
      const file = await fileOf(keyOf(root, names))
      return file && use(file)
    },

    move: async (root, from, to) => {
      const source = await find(root, from)
      if (source === undefined) return 'missing'
      if ((await find(root, to)) !== undefined) return 'taken'
      await requirePlace(root, to)
      const [start, target] = [keyOf(root, from), keyOf(root, to)]
      if (`${target}/`.startsWith(`${start}/`)) throw toolError('path refused: a folder cannot go into itself')
      const keys: string[] = []
      if (source.kind === 'file') keys.push(start)
      else for await (const { key } of bucket.under(`${start}/`)) keys.push(key)
      // All is there twice before any of it goes: what breaks off loses nothing.
      for (const key of keys) await bucket.copy(key, posix.join(target, key.slice(start.length)))
      for (const key of keys) await bucket.remove(key)
      return 'moved'
    },

    files: createObjectFiles({ bucket, list, open: fileOf, requirePlace }),
  }
}
