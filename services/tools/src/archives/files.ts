/** All files of an agent's workspace, read one after the other, and new ones written piece by piece. */
import { constants } from 'node:fs'
import { link, lstat, open, readdir, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { MeshError } from '@clawmesh/contracts'
import { errnoOf } from '../tool/tool-error.ts'
import { at, assertStandsAt, openInside, type Directory } from '../workspace/directory.ts'
import { largestFileBytes } from '../workspace/files.ts'
import { relativeNames } from '../workspace/relative-path.ts'
import { walkTo } from '../workspace/walk.ts'
import type { Workspace } from '../workspace/index.ts'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants

/** A file is read in pieces of this size. */
const pieceBytes = 131_072
const deepest = 64

export interface FoundFile {
  /** Relative to the workspace. */
  path: string
  size: number
}

/** Names that are shown to nobody, and files that are being written. */
const isHidden = (name: string): boolean => name.startsWith('.')

/** Walks a folder by name, links left out. Each folder is held open while what is in it is read. */
const walkFiles = async function* (
  directory: Directory,
  names: readonly string[],
): AsyncGenerator<{ file: FileHandle; path: string; size: number }> {
  const found = (await readdir(at(directory, '.'), { withFileTypes: true }))
    .filter(({ name }) => !isHidden(name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of found) {
    const path = [...names, entry.name]
    if (entry.isDirectory() && path.length < deepest) {
      const inner = await openInside(directory, entry.name).catch(() => undefined)
      if (inner === undefined) continue
      try {
        yield* walkFiles(inner, path)
      } finally {
        await inner.handle.close()
      }
    }
    if (!entry.isFile()) continue
    const file = await open(at(directory, entry.name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined)
    if (file === undefined) continue
    try {
      const { size, nlink } = await file.stat()
      // A second name of the file may stand outside.
      if (size <= largestFileBytes && nlink === 1) yield { file, path: path.join('/'), size }
    } finally {
      await file.close()
    }
  }
}

/** The files of a workspace, each open until the next is asked for; none where there is no workspace. */
const filesOf = async function* (workspace: Workspace) {
  const isThere = await lstat(workspace.path).then(
    () => true,
    () => false,
  )
  if (!isThere) return
  // A generator cannot live inside `walkTo`, which closes its folders: the workspace is opened once more.
  const root = await walkTo(workspace, '.', { access: 'archive' }, async ({ directory }) => openInside(directory, '.'))
  try {
    yield* walkFiles(root, [])
  } finally {
    await root.handle.close()
  }
}

export const countFiles = async (workspace: Workspace): Promise<{ files: number; bytes: number }> => {
  const counted = { files: 0, bytes: 0 }
  for await (const { size } of filesOf(workspace)) {
    counted.files++
    counted.bytes += size
  }
  return counted
}

/** For each file a head, then exactly as many bytes as it says. @throws UNAVAILABLE for a file that shrinks meanwhile */
export const readFiles = async function* (
  workspace: Workspace,
): AsyncGenerator<{ head: FoundFile } | { data: Buffer }> {
  for await (const { file, path, size } of filesOf(workspace)) {
    yield { head: { path, size } }
    for (let offset = 0; offset < size;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(pieceBytes, size - offset)), {
        position: offset,
      })
      if (bytesRead === 0) throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: path })
      offset += bytesRead
      yield { data: buffer.subarray(0, bytesRead) }
    }
  }
}

export interface FilePiece {
  path: string
  /** Tells the pieces of this file from those of another one that is written there. */
  fileId: string
  offset: number
  data: Buffer
  last: boolean
}

const refuse = (path: string) => new MeshError('INVALID_REQUEST', 'error.invalid_path', { path })

/**
 * Writes a piece beside the place of a new file; the last one puts it there, where there is none yet. Whether it did.
 * @throws INVALID_REQUEST for a piece that does not follow the one before, TOOL_ERROR for a path that is refused
 */
export const writePiece = async (
  workspace: Workspace,
  { path, fileId, offset, data, last }: FilePiece,
): Promise<boolean> => {
  if (relativeNames(path, []).some(isHidden)) throw refuse(path)
  return walkTo(workspace, path, { access: 'archive', create: true }, async ({ directory, name }) => {
    if (name === undefined || offset + data.length > largestFileBytes) throw refuse(path)
    const temporary = `.clawmesh-${fileId.replaceAll('-', '').slice(-16)}.tmp`
    const flags = O_WRONLY | O_NOFOLLOW | (offset === 0 ? O_CREAT | O_EXCL : 0)
    const file = await open(at(directory, temporary), flags, 0o600)
    try {
      await assertStandsAt(file, join(directory.path, temporary))
      if ((await file.stat()).size !== offset) throw refuse(path)
      await file.write(data, 0, data.length, offset)
    } finally {
      await file.close()
    }
    if (!last) return true
    try {
      // Unlike a rename, this replaces nothing.
      await link(at(directory, temporary), at(directory, name))
      return true
    } catch (thrown) {
      if (errnoOf(thrown) !== 'EEXIST') throw thrown
      return false
    } finally {
      await unlink(at(directory, temporary))
    }
  })
}
