import { event, type Actor, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'

/** Records, as an event alone, that somebody ran a tool by hand. */
export const createInvocationRecord =
  ({ forTenant }: ServiceDb<PrismaClient>) =>
  (tenantId: string, tool: string, actor: Actor): Promise<void> =>
    forTenant(tenantId).change(async () => ({
      result: undefined,
      events: [event('toolInvoked', { id: tool, ...actor })],
    }))
