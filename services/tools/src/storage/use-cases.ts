/** What tenants do with their files: look, read, upload, move, delete. */
import { posix } from 'node:path'
import { actorOf, newId, type Actor, type Call, type SignedUrls, type Upload } from '@clawmesh/chassis'
import { MeshError, type Caller } from '@clawmesh/contracts'
import type { LRUCache } from 'lru-cache'
import type { FileStore } from '../store/store.ts'
import type { StoredFile } from '../workspace/types.ts'
import { isPathFault } from '../tool/tool-error.ts'
import { mediaTypeOf } from './content-type.ts'
import { createLocator } from './locate.ts'
import type { MediaPlaces } from './media-places.ts'
import {
  changeableNames,
  invalidPath,
  isForeign,
  isHidden,
  namesIn,
  rootOf,
  uploadName,
  uploadsFolder,
  type Tenant,
} from './paths.ts'
import type { Quota } from './quota.ts'
import { countTree, listTree, type Counted, type Listed } from './tree.ts'

/** Tells who changed what. */
export interface StorageRecord {
  uploaded: (tenantId: string, path: string, actor: Actor) => Promise<void>
  removed: (tenantId: string, path: string, actor: Actor) => Promise<void>
  moved: (tenantId: string, from: string, to: string, actor: Actor) => Promise<void>
}

export interface StorageParts {
  store: FileStore
  /** Base folder of all workspaces, absolute. */
  workspaceDir: string
  quota: Quota
  places: Pick<MediaPlaces, 'find' | 'noteUpload'>
  sizes: Pick<LRUCache<string, Counted>, 'get' | 'set' | 'delete'>
  record: StorageRecord
  sign: SignedUrls['sign']
  now?: () => number
}

/** A file as it is served. */
export interface Served {
  name: string
  open: <T>(use: (file: StoredFile) => Promise<T>) => Promise<T>
}

/** Above this a file is not read as text. */
const mostTextBytes = 52_428_800
const tellEveryFiles = 50
const tellEveryMs = 200

const notFound = (path: string) =>
  new MeshError('NOT_FOUND', 'error.not_found', { kind: 'file', id: path.slice(0, 200) })

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch (cause) {
    throw invalidPath(path, cause)
  }
}

/** What the store refuses is a path that may not be, to whoever gave it. */
const judged = async <T>(path: string, work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (thrown) {
    const refused = thrown instanceof MeshError && thrown.code === 'TOOL_ERROR'
    if (refused || isPathFault(thrown)) throw invalidPath(path, thrown)
    throw thrown
  }
}

/** A file as it comes, each piece noted before it is kept; what was noted of one that is not kept is given back. */
const metered = async <T>(
  quota: Quota,
  tenant: Tenant,
  bytes: AsyncIterable<Buffer>,
  keep: (bytes: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> => {
  let taken = 0
  const noted = async function* () {
    for await (const piece of bytes) {
      await quota.take(tenant, piece.length)
      taken += piece.length
      yield piece
    }
  }
  return keep(noted()).catch((thrown: unknown) => {
    quota.give(tenant, taken)
    throw thrown
  })
}

export const createStorageUseCases = (parts: StorageParts) => {
  const { store, workspaceDir, quota, places, sizes, record, sign, now = Date.now } = parts
  const locator = createLocator(store, workspaceDir)
  const rootFor = (tenant: Tenant) => rootOf(workspaceDir, tenant)
  const treeOf = (tenant: Tenant) => ({ store, tenant, root: rootFor(tenant) })

  const isFile = async (tenant: Tenant, names: readonly string[]): Promise<boolean> =>
    (await store.find(rootFor(tenant), names))?.kind === 'file'

  const served = (tenant: Tenant, names: readonly string[], path: string): Served => ({
    name: names.at(-1)!,
    open: async (use) => {
      let isThere = false
      const result = await judged(
        path,
        store.open(rootFor(tenant), names, (file) => {
          isThere = true
          return use(file)
        }),
      )
      if (!isThere) throw notFound(path)
      return result!
    },
  })

  /** Reads a form with a file to its end and stores that under a name made of the client's. */
  const storeUpload = async (
    caller: Caller,
    upload: Upload<object>,
    place: (given: string) => readonly string[],
  ): Promise<{ names: readonly string[]; size: number; given: string }> => {
    let stored: { names: readonly string[]; size: number; given: string } | undefined
    await upload(async (file, given) => {
      const names = place(given)
      const size = await metered(quota, caller, file, (bytes) =>
        quota.freeing(caller, names, () =>
          judged(names.join('/'), store.put(rootFor(caller), names, bytes, { maxBytes: Number.POSITIVE_INFINITY })),
        ),
      )
      stored = { names, size, given }
    })
    return stored!
  }

  const changed = async (call: Call, tell: (tenantId: string, actor: Actor) => Promise<void>): Promise<void> => {
    const { tenantId } = call.caller
    sizes.delete(tenantId)
    await tell(tenantId, actorOf(call))
  }

  /** What an address below `/v1/files/` means. @throws INVALID_REQUEST, FORBIDDEN, NOT_FOUND */
  const fileAt = async (tenant: Tenant, path: string): Promise<Served> =>
    served(tenant, await judged(path, locator.find(tenant, path)), path)

  /** A file by its id, with or without its extension. @throws NOT_FOUND */
  const mediaById = async (tenant: Tenant, id: string): Promise<Served> => {
    const found = await places.find(tenant, id)
    if (found === undefined) throw notFound(id)
    return served(tenant, found, id)
  }

  return {
    baseDir: (tenant: Tenant): string => rootFor(tenant).path,

    /** @throws INVALID_REQUEST */
    list: async (tenant: Tenant, path: string, levels: number): Promise<Listed[]> => {
      const names = namesIn(path)
      if (isForeign(tenant, names)) return []
      return judged(path, listTree(treeOf(tenant), names, levels))
    },

    /** @throws INVALID_REQUEST; NOT_FOUND for a folder, too */
    file: async (tenant: Tenant, path: string): Promise<Served> => {
      const names = namesIn(path)
      if (names.length === 0 || isForeign(tenant, names) || !(await judged(path, isFile(tenant, names))))
        throw notFound(path)
      return served(tenant, names, path)
    },

    /** A file as text. @throws INVALID_REQUEST for one that is too large */
    text: ({ open }: Served, path: string): Promise<{ content: string; path: string; size: number }> =>
      open(async ({ size, read }) => {
        if (size > mostTextBytes) throw new MeshError('INVALID_REQUEST', 'error.file_too_large')
        const pieces: Buffer[] = []
        if (size > 0) for await (const piece of read(0, size - 1)) pieces.push(piece)
        return { content: Buffer.concat(pieces).toString('utf8'), path, size }
      }),

    served: fileAt,

    /** @throws INVALID_REQUEST, FORBIDDEN */
    signed: async (caller: Caller, path: string): Promise<string> => {
      const address = await locator.addressOf(caller, path)
      const query = sign(address, caller)
      if (query === undefined) throw invalidPath(path)
      return `${address}?${query}`
    },

    /** @throws INVALID_REQUEST, FORBIDDEN, PAYLOAD_TOO_LARGE, QUOTA_EXHAUSTED */
    upload: async (call: Call, folder: string, upload: Upload<object>) => {
      const names = namesIn(folder)
      const { caller } = call
      const stored = await storeUpload(caller, upload, (given) =>
        changeableNames([...names, uploadName(given)].join('/')),
      )
      const path = stored.names.join('/')
      await changed(call, (tenantId, actor) => record.uploaded(tenantId, path, actor))
      return { path, filename: stored.names.at(-1)!, size: stored.size }
    },

    /** Stores a file for a message. @throws INVALID_REQUEST, QUOTA_EXHAUSTED */
    uploadMedia: async (call: Call, upload: Upload<object>) => {
      const { caller } = call
      const stored = await storeUpload(caller, upload, (given) => {
        const extension = /\.[A-Za-z0-9]{1,16}$/.exec(given)?.[0].toLowerCase() ?? '.bin'
        return [uploadsFolder, `${newId()}${extension}`]
      })
      await places.noteUpload(caller, stored.names.at(-1)!)
      sizes.delete(caller.tenantId)
      const name = stored.given
        .split(/[/\\]/)
        .at(-1)!
        .replace(/\p{Cc}/gu, '')
        .slice(0, 255)
      return {
        path: posix.join(rootFor(caller).path, ...stored.names),
        mimeType: mediaTypeOf(stored.names.at(-1)!),
        filename: name === '' ? stored.names.at(-1)! : name,
      }
    },

    media: mediaById,

    /** A file that a message names, by the path of its upload or an address. @throws as `served` and `media` */
    mediaOf: async (tenant: Tenant, path: string): Promise<Served> => {
      const bare = path.split(/[?#]/, 1)[0]!
      const [, kind, rest = ''] = /^\/v1\/(files|media)\/(.+)$/s.exec(bare) ?? []
      if (kind === 'media') return mediaById(tenant, rest)
      if (kind === 'files') return fileAt(tenant, decoded(rest))
      const uploads = posix.join(rootFor(tenant).path, uploadsFolder)
      if (posix.dirname(bare) !== uploads) throw notFound(path)
      // It may have moved to its session meanwhile.
      return mediaById(tenant, posix.basename(bare))
    },

    /** @throws INVALID_REQUEST, FORBIDDEN, NOT_FOUND */
    remove: async (call: Call, path: string): Promise<void> => {
      const names = changeableNames(path)
      const { caller } = call
      const remove = () => judged(path, store.remove(rootFor(caller), names))
      if (!(await quota.freeing(caller, names, remove))) throw notFound(path)
      await changed(call, (tenantId, actor) => record.removed(tenantId, names.join('/'), actor))
    },

    /** @throws INVALID_REQUEST, FORBIDDEN, NOT_FOUND, ALREADY_EXISTS */
    move: async (call: Call, from: string, to: string): Promise<void> => {
      const source = changeableNames(from)
      const target = changeableNames(to)
      if (target.length > source.length && source.every((name, index) => target[index] === name)) throw invalidPath(to)
      const outcome = await judged(to, store.move(rootFor(call.caller), source, target))
      if (outcome === 'missing') throw notFound(from)
      if (outcome === 'taken') throw new MeshError('ALREADY_EXISTS', 'error.already_exists', { kind: 'file', id: to })
      await changed(call, (tenantId, actor) => record.moved(tenantId, source.join('/'), target.join('/'), actor))
    },

    /** Counts what a tenant stores, telling how far it is; what is kept of an earlier count is given at once. */
    size: async (
      { caller, signal }: Call,
      tell: (progress: { current: number; files: number }) => Promise<void>,
    ): Promise<{ total: number; files: number; done: true; cached: boolean }> => {
      const kept = sizes.get(caller.tenantId)
      if (kept !== undefined) return { ...kept, done: true, cached: true }
      const counting = countTree(treeOf(caller), (names) => isHidden(caller, names))
      let shown = { files: 0, at: now() }
      for (;;) {
        const step = await counting.next()
        signal.throwIfAborted()
        const { total, files } = step.value
        if (step.done === true) {
          sizes.set(caller.tenantId, { total, files })
          return { total, files, done: true, cached: false }
        }
        if (files - shown.files < tellEveryFiles && now() - shown.at < tellEveryMs) continue
        shown = { files, at: now() }
        await tell({ current: total, files })
      }
    },
  }
}

export type StorageUseCases = ReturnType<typeof createStorageUseCases>
