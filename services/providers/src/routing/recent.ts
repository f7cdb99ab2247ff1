/** Calls of late that did not go straight, by tenant, as all replicas have seen them. Nothing of what was said is kept. */
import type { Route } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { newId, type Bus, type Call } from '@clawmesh/chassis'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'

const attempt = z.object({
  provider: z.string(),
  model: z.string(),
  key: z.number(),
  outcome: z.string(),
  reason: z.string(),
})
const message = z.object({ from: z.string(), tenantId: z.string(), at: z.number(), attempts: z.array(attempt) })

interface RecentRoute {
  at: number
  attempts: z.infer<typeof attempt>[]
}

const mostTenants = 1_000
const mostRoutes = 20
const subject = 'mesh.provider-routes'

export const createRecentRoutes = (bus: Pick<Bus, 'signal' | 'subscribe'>) => {
  const self = newId()
  const byTenant = new LRUCache<string, RecentRoute[]>({ max: mostTenants })

  const keep = (tenantId: string, route: RecentRoute): void =>
    void byTenant.set(tenantId, [route, ...(byTenant.get(tenantId) ?? [])].slice(0, mostRoutes))

  return {
    listen: () =>
      bus.subscribe(subject, (received) => {
        const parsed = message.safeParse(received)
        if (parsed.success && parsed.data.from !== self) keep(parsed.data.tenantId, parsed.data)
      }),

    note: ({ caller: { tenantId } }: Call, { attempts }: Route): void => {
      const route = { at: Date.now(), attempts }
      keep(tenantId, route)
      bus.signal(subject, { from: self, tenantId, ...route })
    },

    of: (tenantId: string): readonly RecentRoute[] => byTenant.get(tenantId) ?? [],
  }
}

export type RecentRoutes = ReturnType<typeof createRecentRoutes>
