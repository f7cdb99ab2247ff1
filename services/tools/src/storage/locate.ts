/** Finds the file that an address below `/v1/files/` means. */
import { realpath } from 'node:fs/promises'
import { extname, posix } from 'node:path'
import { MeshError } from '@clawmesh/contracts'
import type { FileStore } from '../store/store.ts'
import { relativeNames } from '../workspace/relative-path.ts'
import { tenantFolder } from '../workspace/workspace-path.ts'
import { invalidPath, isForeign, isHidden, rootOf, type Tenant } from './paths.ts'
import { findByName } from './tree.ts'

/** What an address means: names below the tenant's root. `inside` tells whether it stood there by its absolute path. */
interface Meant {
  inside: boolean
  names: string[]
}

/** Folders that are the system's, whoever asks. */
const systemFolders = /^\/(?:etc|proc|sys|dev|root|boot|run|var\/run|var\/log)(?:\/|$)/

const below = (folder: string, path: string): string | undefined =>
  path === folder ? '' : path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : undefined

const namesOf = (path: string): string[] => {
  try {
    return relativeNames(path, [])
  } catch (cause) {
    throw invalidPath(path, cause)
  }
}

const notFound = (path: string) =>
  new MeshError('NOT_FOUND', 'error.not_found', { kind: 'file', id: path.slice(0, 200) })

export const createLocator = (store: FileStore, workspaceDir: string) => {
  /** The workspace as configured, and without the links in its own path: tools may tell either. */
  let spellings: Promise<string[]> | undefined
  const bases = (): Promise<string[]> =>
    (spellings ??= realpath(workspaceDir).then(
      (real) => [...new Set([workspaceDir, real])],
      () => {
        spellings = undefined
        return [workspaceDir]
      },
    ))

  /** @throws INVALID_REQUEST, FORBIDDEN for the system's folders, NOT_FOUND for another tenant's */
  const meaning = async (tenant: Tenant, path: string): Promise<Meant> => {
    if (path.includes('..')) throw invalidPath(path)
    const names = namesOf(path.replace(/^\/+/, ''))
    const absolute = `/${names.join('/')}`
    for (const base of await bases()) {
      if (below(base, absolute) === undefined) continue
      const inside = below(tenantFolder(base, tenant), absolute)
      const found = inside === undefined ? undefined : inside.split('/').filter((name) => name !== '')
      if (found === undefined || isForeign(tenant, found)) throw notFound(path)
      return { inside: true, names: found }
    }
    if (systemFolders.test(absolute)) throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'file' })
    if (isForeign(tenant, names)) throw notFound(path)
    return { inside: false, names }
  }

  /** The newest file beside a missing one whose name goes on after the same stem. */
  const timestamped = async (tenant: Tenant, names: readonly string[]): Promise<string[] | undefined> => {
    const name = names.at(-1)!
    const folder = names.slice(0, -1)
    const extension = extname(name)
    const stem = name.slice(0, name.length - extension.length)
    const newest = (await store.list(rootOf(workspaceDir, tenant), folder))
      .filter(({ name: other, kind }) => kind === 'file' && other.startsWith(stem) && extname(other) === extension)
      .filter(({ name: other }) => /^[-_. \d]/.test(other.slice(stem.length)))
      .filter(({ name: other }) => !isHidden(tenant, [...folder, other]))
      .toSorted((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime())
      .at(0)
    return newest === undefined ? undefined : [...folder, newest.name]
  }

  return {
    /**
     * The names of the file that a path means, by itself or by one of what stands in for a file that is missing.
     * @throws INVALID_REQUEST, FORBIDDEN, NOT_FOUND
     */
    find: async (tenant: Tenant, path: string): Promise<string[]> => {
      const { names } = await meaning(tenant, path)
      const root = rootOf(workspaceDir, tenant)
      const isFile = async (candidate: readonly string[]) => (await store.find(root, candidate))?.kind === 'file'
      if (names.length === 0) throw notFound(path)
      if (await isFile(names)) return names
      if (isHidden(tenant, names)) throw notFound(path)
      const other = (await timestamped(tenant, names)) ?? (await findByName({ store, tenant, root }, names.at(-1)!))
      if (other === undefined) throw notFound(path)
      return other
    },

    /**
     * The address of a path, to be signed. The file need not be there.
     * @throws INVALID_REQUEST; FORBIDDEN for what the tenant may not be served
     */
    addressOf: async (tenant: Tenant, path: string): Promise<string> => {
      const forbidden = new MeshError('FORBIDDEN', 'error.no_access', { kind: 'file' })
      const { inside, names } = await meaning(tenant, path).catch((thrown: unknown) => {
        throw thrown instanceof MeshError && thrown.code === 'NOT_FOUND' ? forbidden : thrown
      })
      if (path.startsWith('/') && !inside) throw forbidden
      if (names.length === 0) throw invalidPath(path)
      const clean = posix.normalize(path).replace(/^\/+/, '')
      return `/v1/files/${clean.split('/').map(encodeURIComponent).join('/')}`
    },
  }
}
