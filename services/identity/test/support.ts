/** Identity over a real database, and everything that it says on the bus. */
import {
  cacheKinds,
  cacheSubject,
  eventType,
  masterTenantId,
  type CloudEvent,
  type EventName,
  type CacheTag,
} from '@clawmesh/contracts'
import { consumeEvents } from '../../../test/support/events.ts'
import { testIdentity } from '../../../test/support/identity.ts'
import { startServices, testCaller, type ServiceHarness } from '../../../test/support/service-harness.ts'
import { eventually } from '../../../test/support/eventually.ts'

export interface IdentityHarness extends ServiceHarness {
  /** Creates a tenant and returns its id. */
  tenant: (name: string) => Promise<string>
  /** What caches evicted while the work was done. */
  evictedDuring: (work: () => Promise<unknown>) => Promise<CacheTag[]>
  /** The first event of a name in a tenant about an id; waits for it. */
  event: (name: EventName, tenantId: string, id: string) => Promise<CloudEvent & { data: Record<string, unknown> }>
  /** Every event of a name in a tenant so far, once nothing more comes. */
  eventsOf: (name: EventName, tenantId: string) => Promise<CloudEvent[]>
}

export const systemOwner = testCaller({
  role: 'owner',
  tenantId: masterTenantId,
  tenantSlug: 'master',
  userId: 'system',
})

const quietMs = 300
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export const startIdentity = async (env: Record<string, string> = {}): Promise<IdentityHarness> => {
  const harness = await startServices({ services: { identity: testIdentity(env) } })
  const { bus } = harness

  const evicted: CacheTag[] = []
  for (const kind of cacheKinds) bus.subscribe(cacheSubject(kind), (message) => void evicted.push(message as CacheTag))
  const events: CloudEvent[] = []
  await consumeEvents(bus, {
    durable: 'identity-test',
    subject: 'mesh.events.>',
    batchSize: 100,
    handle: async (batch) => void events.push(...batch),
  })
  const matching = (name: EventName, tenantId: string) =>
    events.filter((event) => event.type === eventType(name) && event.tenantid === tenantId)

  return {
    ...harness,
    tenant: async (name) => {
      const { body } = await harness.request<{ id: string }>(systemOwner, 'POST', '/v1/tenants', { name })
      return body.id
    },
    evictedDuring: async (work) => {
      const from = evicted.length
      await work()
      return evicted.slice(from)
    },
    event: (name, tenantId, id) =>
      eventually(`the event ${name} of ${id}`, () => {
        const found = matching(name, tenantId).find(({ data }) => (data as { id: string }).id === id)
        return found as (CloudEvent & { data: Record<string, unknown> }) | undefined
      }),
    eventsOf: async (name, tenantId) => {
      await pause(quietMs)
      return matching(name, tenantId)
    },
  }
}
