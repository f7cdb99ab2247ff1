/** All files of an agent's workspace, read one after the other, and new ones written piece by piece. */
import { largestFileBytes, MeshError } from '@clawmesh/contracts'
import { passing } from '@clawmesh/chassis'
import type { FileStore } from '../store/store.ts'
import { errnoOf, isPathFault } from '../tool/tool-error.ts'
import { relativeNames } from '../workspace/relative-path.ts'
import type { StoredFile, Workspace } from '../workspace/types.ts'

const deepest = 64

export interface FoundFile {
  /** Relative to the workspace. */
  path: string
  size: number
}

/** Names that are shown to nobody, and files that are being written. */
const isHidden = (name: string): boolean => name.startsWith('.')

/** A file that is refused, or that a command has closed to us. */
const isClosed = (thrown: unknown): boolean =>
  (thrown instanceof MeshError && thrown.code === 'TOOL_ERROR') || ['EACCES', 'EPERM'].includes(errnoOf(thrown))

/** A file that stays open until the next is asked for; nothing where it cannot be opened, or has a second name elsewhere. */
const opened = async function* (
  store: FileStore,
  root: Workspace,
  names: readonly string[],
): AsyncGenerator<StoredFile> {
  const found = Promise.withResolvers<StoredFile | undefined>()
  const read = Promise.withResolvers<void>()
  const holding = store
    .open(root, names, (file) => {
      found.resolve(file)
      return read.promise
    })
    .then(
      () => found.resolve(undefined),
      (thrown: unknown) => {
        // What failed once it was open has failed whoever read it.
        if (isClosed(thrown)) found.resolve(undefined)
        else found.reject(thrown)
      },
    )
  try {
    const file = await found.promise
    if (file !== undefined) yield file
  } finally {
    read.resolve()
    await holding
  }
}

/** The files of a workspace by name, links left out, each open until the next is asked for. */
const filesOf = async function* (
  store: FileStore,
  root: Workspace,
  names: readonly string[] = [],
): AsyncGenerator<{ file: StoredFile; path: string }> {
  for (const { name, kind } of await store.list(root, names)) {
    if (isHidden(name)) continue
    const path = [...names, name]
    if (kind === 'folder') {
      if (path.length < deepest) yield* filesOf(store, root, path)
      continue
    }
    for await (const file of opened(store, root, path))
      if (file.size <= largestFileBytes) yield { file, path: path.join('/') }
  }
}

export const countFiles = async (store: FileStore, workspace: Workspace): Promise<{ files: number; bytes: number }> => {
  const counted = { files: 0, bytes: 0 }
  for await (const { file } of filesOf(store, workspace)) {
    counted.files++
    counted.bytes += file.size
  }
  return counted
}

/** For each file a head, then exactly as many bytes as it says. @throws UNAVAILABLE for a file that shrinks meanwhile */
export const readFiles = async function* (
  store: FileStore,
  workspace: Workspace,
): AsyncGenerator<{ head: FoundFile } | { data: Buffer }> {
  for await (const { file, path } of filesOf(store, workspace)) {
    const { size } = file
    yield { head: { path, size } }
    if (size > 0) for await (const data of passing(file.read(0, size - 1))) yield { data }
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

const keepPiece = async (
  store: FileStore,
  root: Workspace,
  { path, fileId, offset, data, last }: FilePiece,
): Promise<boolean> => {
  const names = relativeNames(path, [])
  if (names.length === 0 || names.some(isHidden) || offset + data.length > largestFileBytes) throw refuse(path)
  const folder = [...names.slice(0, -1), `.clawmesh-${fileId.replaceAll('-', '').slice(-16)}.tmp`]
  const limits = { maxBytes: largestFileBytes, isNew: true }
  // A piece is called by where it ends, as wide as the largest offset, so that their names are in order.
  const pieceNames = (end: number) => [...folder, String(end).padStart(8, '0')]
  if (offset > 0 && (await store.find(root, pieceNames(offset))) === undefined) throw refuse(path)
  if (!last) {
    await store.put(root, pieceNames(offset + data.length), [data], limits)
    return true
  }
  const kept = offset === 0 ? [] : await store.list(root, folder)
  const whole = async function* () {
    let sent = 0
    for (const { name } of kept)
      for await (const { size, read } of opened(store, root, [...folder, name])) {
        sent += size
        yield* read(0, size - 1)
      }
    // A command may have taken one away.
    if (sent !== offset) throw refuse(path)
    yield data
  }
  try {
    await store.put(root, names, whole(), limits)
    return true
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EEXIST') throw thrown
    return false
  } finally {
    if (kept.length > 0) await store.remove(root, folder)
  }
}

/**
 * Keeps a piece of a new file beside its place; the last one puts all of them there, where there is none yet. Whether it
 * did.
 * @throws INVALID_REQUEST for a piece that does not follow the one before, and for a path that leads nowhere; TOOL_ERROR
 * for one that is refused
 */
export const writePiece = async (store: FileStore, root: Workspace, piece: FilePiece): Promise<boolean> => {
  try {
    return await keepPiece(store, root, piece)
  } catch (thrown) {
    throw isPathFault(thrown) ? refuse(piece.path) : thrown
  }
}
