/** A chat platform in memory, and the adapter to it: what adapters of real ones have to hold to. */
import { once } from 'node:events'
import { z } from 'zod'
import {
  defineAdapter,
  type ChannelAccount,
  type ChannelAdapter,
  type IncomingMessage,
} from '../src/adapters/adapter.ts'

export interface TestPlatform {
  adapter: ChannelAdapter
  /** Polls at this moment, by instance: the tokens that they use. */
  polls: (instanceId: string) => string[]
  /** Every poll that began, in order: instance and token. */
  begun: string[]
  /** Makes polls of an instance fail as often as this. */
  failures: Map<string, number>
  /** Every text that was sent, as `chat text` with the token. */
  sent: string[]
  /** A message comes in where the instance is polled. */
  deliver: (instanceId: string, text: string) => Promise<void>
}

const message = (text: string): IncomingMessage => ({
  messageId: '1',
  chatId: '-100',
  peerKind: 'group',
  senderId: '7',
  senderName: 'Bob',
  text,
})

export const createTestPlatform = (): TestPlatform => {
  const running = new Map<string, { token: string; receive: (incoming: IncomingMessage) => Promise<void> }[]>()
  const begun: string[] = []
  const failures = new Map<string, number>()
  const sent: string[] = []
  const of = (instanceId: string) => running.get(instanceId) ?? []

  const adapter = defineAdapter({
    type: 'telegram',
    configSchema: z.object({
      poll_seconds: z.int().min(1).max(60).default(30),
      allow_from: z.array(z.string()).optional(),
    }),
    credentialsSchema: z.object({ token: z.string().min(3) }),
    start: async ({ instance: { id }, credentials: { token } }, { signal, receive }) => {
      begun.push(`${id} ${token}`)
      const left = failures.get(id) ?? 0
      if (left > 0) {
        failures.set(id, left - 1)
        throw new Error('the platform is away')
      }
      const poll = { token, receive }
      running.set(id, [...of(id), poll])
      if (!signal.aborted) await once(signal, 'abort')
      running.set(
        id,
        of(id).filter((other) => other !== poll),
      )
    },
    send: async ({ credentials: { token } }, { chatId, text }) => {
      if (text === 'refused') throw new Error('the platform refuses it')
      sent.push(`${chatId} ${text} ${token}`)
    },
    health: async ({ instance: { id } }) => ({ state: of(id).length > 0 ? 'healthy' : 'failed', detail: '' }),
  })

  return {
    adapter,
    begun,
    failures,
    sent,
    polls: (instanceId) => of(instanceId).map(({ token }) => token),
    deliver: async (instanceId, text) => {
      for (const { receive } of of(instanceId)) await receive(message(text))
    },
  }
}

/** What a receiver took in, as `instance text`. */
export const collecting = () => {
  const received: string[] = []
  const receive = async ({ instance }: ChannelAccount, { text }: IncomingMessage) =>
    void received.push(`${instance.id} ${text}`)
  return { received, receive }
}
