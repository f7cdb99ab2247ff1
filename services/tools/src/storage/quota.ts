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
}

/** @param limitBytes what each tenant may keep; 0 is no limit */
export const createQuota = (store: FileStore, workspaceDir: string, limitBytes: number): Quota => {
  /** Shared by all who ask while it is counted. */
  const kept = new LRUCache<string, Promise<Counted>>({ max: mostTenants, ttl: recountMs })

  const count = async (tenant: Tenant): Promise<Counted> => {
    const counting = countTree({ store, tenant, root: rootOf(workspaceDir, tenant) }, (names) =>
      isForeign(tenant, names),
    )
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

  return {
    take: async (tenant, bytes) => {
      if (limitBytes === 0) return
      const counted = await keptBy(tenant)
      if (counted.total + bytes > limitBytes)
        throw new MeshError('QUOTA_EXHAUSTED', 'error.storage_quota', { limit: limitBytes })
      counted.total += bytes
    },
    give: ({ tenantId }, bytes) => {
      void kept.peek(tenantId)?.then(
        (counted) => (counted.total = Math.max(0, counted.total - bytes)),
        () => undefined,
      )
    },
  }
}

/** Counts that are shown, each for an hour unless it is dropped. */
export const createSizes = () => new LRUCache<string, Counted>({ max: mostTenants, ttl: keptMs })
