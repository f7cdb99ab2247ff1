/** Where the files of messages stand: an id leads to its file, a session or an agent to the folders of theirs. */
import { sha256Hex } from '@clawmesh/chassis'
import { LRUCache } from 'lru-cache'
import type { FileStore } from '../store/store.ts'
import { mediaFolder, rootOf, uploadsFolder, type Tenant } from './paths.ts'

/** Whose files they are. */
export interface MediaSession {
  agentId: string
  sessionKey: string
}

export interface MediaPlace {
  /** The file's name up to its first dot. */
  id: string
  name: string
  /** Of its session; null for an upload that none has kept. */
  folder: string | null
  agentHash: string | null
  sessionHash: string | null
}

type Owner = { agentHash: string } | { sessionHash: string }

/** The rows of one tenant. */
export interface MediaRows {
  find: (id: string) => Promise<MediaPlace | undefined>
  /** Adds a place, or replaces that of the same id. */
  put: (place: MediaPlace) => Promise<void>
  /** Adds those that are not there yet. */
  add: (places: MediaPlace[]) => Promise<void>
  of: (owner: Owner) => Promise<MediaPlace[]>
  remove: (owner: Owner) => Promise<void>
}

/** Two agents of a tenant, or two sessions, share one once in some 2^48. */
const shortHash = (text: string): string => sha256Hex(text).slice(0, 12)

const idOfMedia = (name: string): string => name.split('.', 1)[0]!

const uploaded = (name: string): MediaPlace => ({
  id: idOfMedia(name),
  name,
  folder: null,
  agentHash: null,
  sessionHash: null,
})

const inFolder = (name: string, folder: string): MediaPlace => {
  const [agentHash = null, sessionHash = null] = folder.split('-')
  return { id: idOfMedia(name), name, folder, agentHash, sessionHash }
}

/** Where a place leads: a file is noted in its folder before it moves there. */
const pathsOf = ({ name, folder }: MediaPlace): string[][] => [
  ...(folder === null ? [] : [[mediaFolder, folder, name]]),
  [uploadsFolder, name],
]

/** Tenants whose files are known to be noted. */
const mostTenants = 10_000
/** What a replica of an earlier release stores meanwhile, or a restored backup brings, is found after this time. */
const noteAgainMs = 600_000
const mostAtOnce = 1_000

interface Parts {
  store: FileStore
  /** Base folder of all workspaces, absolute. */
  workspaceDir: string
  rowsOf: (tenantId: string) => MediaRows
  /** Monotonic, ms; for tests. */
  now?: () => number
}

export const createMediaPlaces = ({ store, workspaceDir, rowsOf, now = () => performance.now() }: Parts) => {
  const noted = new LRUCache<string, Promise<void>>({
    max: mostTenants,
    ttl: noteAgainMs,
    ttlResolution: 0,
    perf: { now },
  })

  const noteAll = async (tenant: Tenant): Promise<void> => {
    const root = rootOf(workspaceDir, tenant)
    const filesIn = async (names: string[]): Promise<string[]> =>
      (await store.list(root, names)).flatMap(({ name, kind }) => (kind === 'file' ? [name] : []))
    const rows = rowsOf(tenant.tenantId)
    const note = async (places: MediaPlace[]) => {
      for (let at = 0; at < places.length; at += mostAtOnce) await rows.add(places.slice(at, at + mostAtOnce))
    }
    await note((await filesIn([uploadsFolder])).map(uploaded))
    for (const { name: folder, kind } of await store.list(root, [mediaFolder]))
      if (kind === 'folder') await note((await filesIn([mediaFolder, folder])).map((name) => inFolder(name, folder)))
  }

  /** Notes what earlier releases have stored; all who ask of a tenant meanwhile wait for the same look. */
  const noteEarlier = (tenant: Tenant): Promise<void> => {
    const known = noted.get(tenant.tenantId)
    if (known !== undefined) return known
    const noting = noteAll(tenant)
    noted.set(tenant.tenantId, noting)
    noting.catch(() => noted.delete(tenant.tenantId))
    return noting
  }

  const standing = async (tenant: Tenant, id: string): Promise<string[] | undefined> => {
    const root = rootOf(workspaceDir, tenant)
    const rows = rowsOf(tenant.tenantId)
    // It may move to its session between one look and the next.
    for (let look = 0; look < 2; look++) {
      const place = await rows.find(idOfMedia(id))
      if (place === undefined || (id !== place.id && id !== place.name)) return undefined
      for (const names of pathsOf(place)) if ((await store.find(root, names))?.kind === 'file') return names
    }
    return undefined
  }

  const foldersOf = async (tenant: Tenant, owner: Owner): Promise<string[]> => {
    await noteEarlier(tenant)
    const places = await rowsOf(tenant.tenantId).of(owner)
    return [...new Set(places.flatMap(({ folder }) => folder ?? []))]
  }

  const ownerOf = ({ agentId, sessionKey }: Partial<MediaSession>): Owner =>
    agentId === undefined ? { sessionHash: shortHash(sessionKey!) } : { agentHash: shortHash(agentId) }

  return {
    /** Deleting an agent tells no more than its id, deleting a session no more than its key: the name has both. */
    folderOf: ({ agentId, sessionKey }: MediaSession): string => `${shortHash(agentId)}-${shortHash(sessionKey)}`,

    noteUpload: (tenant: Tenant, name: string): Promise<void> => rowsOf(tenant.tenantId).put(uploaded(name)),
    noteKept: (tenant: Tenant, name: string, folder: string): Promise<void> =>
      rowsOf(tenant.tenantId).put(inFolder(name, folder)),

    /** The names of the file of an id, with or without its extension; undefined where there is none. */
    find: async (tenant: Tenant, id: string): Promise<string[] | undefined> => {
      const found = await standing(tenant, id)
      if (found !== undefined) return found
      await noteEarlier(tenant)
      return standing(tenant, id)
    },

    /** The folders of a session, or of all sessions of an agent. */
    foldersOf: (tenant: Tenant, whose: { agentId: string } | { sessionKey: string }): Promise<string[]> =>
      foldersOf(tenant, ownerOf(whose)),
    forget: (tenant: Tenant, whose: { agentId: string } | { sessionKey: string }): Promise<void> =>
      rowsOf(tenant.tenantId).remove(ownerOf(whose)),
  }
}

export type MediaPlaces = ReturnType<typeof createMediaPlaces>
