/** What becomes of sessions when something happens elsewhere. */
import type { EventHandlers } from '@clawmesh/chassis'
import type { SessionRows } from './use-cases.ts'

export const createSessionEvents = (
  rowsOf: (tenantId: string) => Pick<SessionRows, 'removeOrphans'>,
): EventHandlers => ({
  agentDeleted: ({ tenantId, data: { id } }) => rowsOf(tenantId).removeOrphans(id),
})
