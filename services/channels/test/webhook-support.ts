/** Channels with webhooks over a real database, and a receiver. */
import { outboxRow } from '@clawmesh/chassis'
import type { Caller, EventData, EventName } from '@clawmesh/contracts'
import { fakeWebhookReceiver, type FakeWebhookReceiver } from '../../../test/fakes/webhook-receiver.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { adapterTable } from '../src/adapters/table.ts'
import { createChannelsService } from '../src/service.ts'
import type { WebhookTimes } from '../src/webhooks/feature.ts'
import { startChannels, type ChannelsHarness } from './support.ts'

export const path = '/v1/webhooks'
export const newAdmin = (): Caller => testCaller({ role: 'admin' })

export interface Hook {
  id: string
  secret: string
  /** The path at the receiver. */
  at: string
}
interface DeliveryBody {
  id: string
  event_id: string
  state: string
  attempts: number
  status: number | null
  error: string | null
  next_attempt_at: string | null
}

export interface WebhookHarness {
  channels: ChannelsHarness
  receiver: FakeWebhookReceiver
  /** A webhook to a path of its own at the receiver. */
  hook: (caller: Caller, fields?: object) => Promise<Hook>
  /** Publishes an event of a tenant, and gives its id once every consumer has it. */
  emit: <N extends EventName>(tenantId: string, name: N, data: EventData<N>) => Promise<string>
  deliveries: (caller: Caller, hook: Hook, query?: string) => Promise<DeliveryBody[]>
  /** The one delivery of a webhook, once it is in the state. */
  ended: (caller: Caller, hook: Hook, state: string) => Promise<DeliveryBody>
  stop: () => Promise<void>
}

/** Something that happened in a tenant. */
export const updated = { id: 'agent-1', actorId: 'ann' }

export const startWebhooks = async (webhookTimes: WebhookTimes): Promise<WebhookHarness> => {
  const receiver = await fakeWebhookReceiver()
  const channels = await startChannels(createChannelsService({ table: adapterTable, webhookTimes }))
  let hooks = 0
  const deliveries = async (caller: Caller, { id }: Hook, query = '') => {
    const { body } = await channels.request<{ deliveries: DeliveryBody[] }>(
      caller,
      'GET',
      `${path}/${id}/deliveries${query}`,
    )
    return body.deliveries
  }
  return {
    channels,
    receiver,
    deliveries,
    hook: async (caller, fields = {}) => {
      const at = `/hook-${++hooks}`
      const input = { url: `${receiver.origin}${at}`, events: ['*'], ...fields }
      const { status, body } = await channels.request<Hook>(caller, 'POST', path, input)
      if (status !== 201) throw new Error(`creating answered ${status} ${JSON.stringify(body)}`)
      return { id: body.id, secret: body.secret, at }
    },
    emit: async (tenantId, name, data) => {
      const event = outboxRow(name, tenantId, data)
      await eventually('taken in', async () => (await channels.bus.publishDurable([event])).length === 0)
      return event.id
    },
    ended: (caller, hook, state) =>
      eventually(`a delivery is ${state}`, async () =>
        (await deliveries(caller, hook)).find((delivery) => delivery.state === state),
      ),
    stop: async () => {
      await channels.stop()
      await receiver.close()
    },
  }
}
