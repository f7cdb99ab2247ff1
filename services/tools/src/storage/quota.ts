/** How much a tenant keeps, and whether more fits. */
import { MeshError } from '@clawmesh/contracts'
import { LRUCache } from 'lru-cache'
import type { FileStore } from '../store/store.ts'
import { isForeign, rootOf, type Tenant } from './paths.ts'
import { countTree, type Counted } from './tree.ts'

const mostTenants = 10_000
const keptMs = 3_600_000
/** Commands write past us: what is kept is counted anew so often. */
const recountMs = 600_000

export interface Quota {
  /**
   * Takes note of bytes that are about to be stored.
   * @throws QUOTA_EXHAUSTED when they do not fit
   */
  take: (tenant: Tenant, bytes: number) => Promise<void>
  /** Bytes that were noted and not stored, or are gone. */
  give: (tenant: Tenant, bytes: number) => void
  /** Does what removes or replaces a file or a folder, and gives its bytes back; of several at once the first one does. */
  freeing: <T>(tenant: Tenant, names: readonly string[], work: () => Promise<T>) => Promise<T>
}

/** @param limitBytes what each tenant may keep; 0 is no limit */
export const createQuota = (store: FileStore, workspaceDir: string, limitBytes: number): Quota => {
  /** Shared by all who ask while it is counted. */
  const kept = new LRUCache<string, Promise<Counted>>({ max: mostTenants, ttl: recountMs })

  const count = async (tenant: Tenant, start: readonly string[] = []): Promise<Counted> => {
    const tree = { store, tenant, root: rootOf(workspaceDir, tenant) }
    const counting = countTree(tree, (names) => isForeign(tenant, names), start)
    for (;;) {
      const step = await counting.next()
      if (step.done === true) return step.value
    }
  }
  const keptBy = (tenant: Tenant): Promise<Counted> => {
    const known = kept.get(tenant.tenantId)
    if (known !== undefined) return known
    const counting = count(tenant)
    kept.set(tenant.tenantId, counting)
    counting.catch(() => kept.delete(tenant.tenantId))
    return counting
  }

  const sizeOf = async (tenant: Tenant, names: readonly string[]): Promise<number> => {
    if (!kept.has(tenant.tenantId)) return 0
    const found = await store.find(rootOf(workspaceDir, tenant), names).catch(() => undefined)
    return found?.kind === 'folder' ? (await count(tenant, names)).total : (found?.size ?? 0)
  }
  const give: Quota['give'] = ({ tenantId }, bytes) => {
    void kept.peek(tenantId)?.then(
      (counted) => (counted.total = Math.max(0, counted.total - bytes)),
      () => undefined,
    )
  }

  /** Paths, with a slash at the end, of what is being removed or replaced. */
  const leaving = new Set<string>()
  const isLeaving = (path: string): boolean =>
    [...leaving].some((other) => other.startsWith(path) || path.startsWith(other))

  return {
    give,
    freeing: async (tenant, names, work) => {
      const path = `${[tenant.tenantId, ...names].join('/')}/`
      // What two remove is gone once: whoever comes second leaves the bytes to the first.
      if (isLeaving(path)) return work()
      leaving.add(path)
      try {
        const bytes = await sizeOf(tenant, names)
        const result = await work()
        if (bytes > 0) give(tenant, bytes)
        return result
      } finally {
        leaving.delete(path)
      }
    },
    take: async (tenant, bytes) => {
      if (limitBytes === 0) return
      const counted = await keptBy(tenant)
      if (counted.total + bytes > limitBytes)
        throw new MeshError('QUOTA_EXHAUSTED', 'error.storage_quota', { limit: limitBytes })
      counted.total += bytes
    },
  }
}

/** Counts that are shown, each for an hour unless it is dropped. */
export const createSizes = () => new LRUCache<string, Counted>({ max: mostTenants, ttl: keptMs })
