/** Tells whoever watches a tenant which traces were just stored. */
import type { Bus } from '@clawmesh/chassis'
import { storedTracesSubject, type StoredTraces } from '@clawmesh/contracts'
import type { TraceReport } from './types.ts'

/** One signal for each user of a batch, as users may not learn of each other. */
export const createTellStored =
  ({ signal }: Pick<Bus, 'signal'>) =>
  (batch: readonly TraceReport[]): void => {
    const users = Map.groupBy(batch, ({ tenantId, trace }) => `${tenantId} ${trace.user_id ?? ''}`)
    for (const reports of users.values()) {
      const [{ tenantId, trace }] = reports as [TraceReport]
      const traceIds = [...new Set(reports.map((report) => report.trace.id))]
      signal(storedTracesSubject(tenantId), { userId: trace.user_id ?? '', traceIds } satisfies StoredTraces)
    }
  }
