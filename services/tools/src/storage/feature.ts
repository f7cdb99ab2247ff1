/** The files of tenants: storage, media, and the addresses that they are served at. */
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { createSignedUrls, type Feature, type Mesh, type ServiceDb } from '@clawmesh/chassis'
import type { ToolsConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { FileStore } from '../store/store.ts'
import { createStorageEvents } from './events.ts'
import { createStorageHttp } from './http.ts'
import { createQuota, createSizes } from './quota.ts'
import { createMediaPlaces } from './media-places.ts'
import { createMediaRows } from './media-rows.ts'
import { createMediaRpc } from './rpc.ts'
import { createSessionMedia } from './session-media.ts'
import { createStorageRecord } from './rows.ts'
import { createStorageUseCases } from './use-cases.ts'

const bytesPerMb = 1_048_576

interface StorageFeatureParts {
  mesh: Mesh
  db: ServiceDb<PrismaClient>
  config: Pick<ToolsConfig, 'storageQuotaMb'>
  store: FileStore
}

export const createStorage = ({ mesh, db, config, store }: StorageFeatureParts) => {
  const { workspaceDir } = mesh
  const quota = createQuota(store, workspaceDir, config.storageQuotaMb * bytesPerMb)
  const places = createMediaPlaces({ store, workspaceDir, rowsOf: createMediaRows(db) })
  const storage = createStorageUseCases({
    store,
    workspaceDir,
    quota,
    places,
    sizes: createSizes(),
    record: createStorageRecord(db),
    sign: createSignedUrls(mesh.secrets).sign,
  })
  const sessionMedia = createSessionMedia({ store, workspaceDir, quota, places, mediaOf: storage.mediaOf })
  const { events, forgetAgent } = createStorageEvents({
    media: sessionMedia,
    identity: mesh.client(IdentityServiceService),
    timeoutMs: mesh.config.rpcTimeoutMs,
  })
  return {
    features: [...createStorageHttp(storage).map((http): Feature => ({ http })), { events } satisfies Feature],
    rpc: createMediaRpc(storage, sessionMedia),
    quota,
    sessionMedia,
    forgetAgent,
  }
}
