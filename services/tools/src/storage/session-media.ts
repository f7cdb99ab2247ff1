/** Files that were attached to the messages of sessions: each session has a folder of them, which goes with it and its agent. */
import { posix } from 'node:path'
import { newId } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import type { FileStore } from '../store/store.ts'
import type { StoredFile } from '../workspace/types.ts'
import { extensionOf, heldTypeOf } from './content-type.ts'
import type { MediaPlaces, MediaSession } from './media-places.ts'
import { mediaFolder, rootOf, uploadsFolder, type Tenant } from './paths.ts'
import type { Quota } from './quota.ts'
import type { Served } from './use-cases.ts'

export interface KeptMedia {
  id: string
  /** By what it holds. */
  mimeType: string
  size: number
  /** Absolute. */
  path: string
}

export interface Attachment extends Omit<KeptMedia, 'mimeType'> {
  name: string
  open: <T>(use: (file: StoredFile) => Promise<T>) => Promise<T | undefined>
}

/** Newest ones that are looked at. */
const mostAttachments = 100

const idOf = (name: string): string => name.slice(0, name.length - posix.extname(name).length)

interface Parts {
  store: FileStore
  /** Base folder of all workspaces, absolute. */
  workspaceDir: string
  quota: Quota
  places: Pick<MediaPlaces, 'folderOf' | 'noteKept' | 'foldersOf' | 'forget'>
  mediaOf: (tenant: Tenant, path: string) => Promise<Served>
}

export const createSessionMedia = ({ store, workspaceDir, quota, places, mediaOf }: Parts) => {
  const rootFor = (tenant: Tenant) => rootOf(workspaceDir, tenant)

  /** What is elsewhere stays there, and is kept once more. */
  const copied = async (tenant: Tenant, { open }: Served, names: readonly string[]): Promise<void> => {
    await open(async ({ size, read }) => {
      await quota.take(tenant, size)
      const bytes = size === 0 ? [] : read(0, size - 1)
      await store.put(rootFor(tenant), names, bytes, { maxBytes: size }).catch((thrown: unknown) => {
        quota.give(tenant, size)
        throw thrown
      })
    })
  }

  const forget = async (tenant: Tenant, whose: { agentId: string } | { sessionKey: string }): Promise<void> => {
    const root = rootFor(tenant)
    for (const folder of await places.foldersOf(tenant, whose)) {
      const names = [mediaFolder, folder]
      await quota.freeing(tenant, names, () => store.remove(root, names))
    }
    await places.forget(tenant, whose)
  }

  return {
    /**
     * Keeps a file that a message names with its session.
     * @throws NOT_FOUND, INVALID_REQUEST, FORBIDDEN as for whatever is read by its path; QUOTA_EXHAUSTED
     */
    keep: async (tenant: Tenant, session: MediaSession, path: string): Promise<KeptMedia> => {
      const source = await mediaOf(tenant, path)
      const mimeType = await source.open((file) => heldTypeOf(source.name, file))
      const root = rootFor(tenant)
      const isUpload = posix.dirname(path) === posix.join(root.path, uploadsFolder)
      const name = isUpload ? source.name : `${newId()}${extensionOf(mimeType, source.name)}`
      const folder = places.folderOf(session)
      const names = [mediaFolder, folder, name]
      await places.noteKept(tenant, name, folder)
      const isThere = (await store.find(root, names))?.kind === 'file'
      const isMoved = isUpload && !isThere && (await store.move(root, [uploadsFolder, name], names)) === 'moved'
      if (!isThere && !isMoved) await copied(tenant, source, names)
      const kept = await store.find(root, names)
      if (kept === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'file', id: name })
      return { id: idOf(name), mimeType, size: kept.size, path: posix.join(root.path, ...names) }
    },

    /** The attachments of a session, newest first. */
    list: async (tenant: Tenant, session: MediaSession): Promise<Attachment[]> => {
      const root = rootFor(tenant)
      const folder = [mediaFolder, places.folderOf(session)]
      const entries = (await store.list(root, folder))
        .filter(({ kind }) => kind === 'file')
        .toSorted((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime() || b.name.localeCompare(a.name))
        .slice(0, mostAttachments)
      return entries.map(({ name, size }) => {
        const names = [...folder, name]
        const path = posix.join(root.path, ...names)
        return { id: idOf(name), name, size, path, open: (use) => store.open(root, names, use) }
      })
    },

    /** Deletes what was attached to a session. */
    forgetSession: (tenant: Tenant, sessionKey: string): Promise<void> => forget(tenant, { sessionKey }),

    /** Deletes what was attached to the sessions of an agent. */
    forgetAgent: (tenant: Tenant, agentId: string): Promise<void> => forget(tenant, { agentId }),
  }
}

export type SessionMedia = ReturnType<typeof createSessionMedia>
