/** The seam at which a chat platform is added: what an adapter is given, and what it has to offer. */
import type { z } from 'zod'
import type { ChannelInstance } from '../instances/types.ts'

export type ChannelType = ChannelInstance['channelType']

/** An instance's account on the platform, its settings as the adapter's schemas read them. */
export interface ChannelAccount<Config = unknown, Credentials = unknown> {
  readonly instance: Pick<ChannelInstance, 'id' | 'name' | 'agentId'> & { readonly tenantId: string }
  readonly config: Config
  readonly credentials: Credentials
}

/** A message as it came from a chat. */
export interface IncomingMessage {
  /** The platform's own id, by which repeated deliveries are known. */
  readonly messageId: string
  readonly chatId: string
  readonly peerKind: 'direct' | 'group'
  readonly senderId: string
  /** Empty when the platform does not say. */
  readonly senderName: string
  readonly text: string
}

export interface OutgoingMessage {
  readonly chatId: string
  readonly text: string
  /** The message that it answers. */
  readonly replyTo?: string
}

export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string | undefined>>
  /** As it came, for signatures. */
  readonly body: Uint8Array
}

export interface WebhookAnswer {
  readonly status: number
  readonly body: string
}

export interface ChannelHealth {
  readonly state: 'healthy' | 'degraded' | 'failed'
  /** For operators; empty when there is nothing to say. */
  readonly detail: string
}

/** Takes a message in; resolves when it is safe to acknowledge it to the platform. */
export type ReceiveMessage = (account: ChannelAccount, message: IncomingMessage) => Promise<void>

export interface ChannelAdapter<Config = unknown, Credentials = unknown> {
  readonly type: ChannelType
  /** Strict enough that what it accepts can be run. */
  readonly configSchema: z.ZodType<Config>
  readonly credentialsSchema: z.ZodType<Credentials>
  /**
   * Receives messages until the signal fires, and resolves once it has let go of the account. Only the replica that holds
   * the instance's lease runs it. One that ends before is started again after a pause.
   */
  readonly start: (
    account: ChannelAccount<Config, Credentials>,
    run: { signal: AbortSignal; receive: (message: IncomingMessage) => Promise<void> },
  ) => Promise<void>
  /** Sends from any replica. @throws UNAVAILABLE when repeating may help */
  readonly send: (account: ChannelAccount<Config, Credentials>, message: OutgoingMessage) => Promise<void>
  /** Answers the platform's calls at any replica; absent where it makes none. */
  readonly webhook?: (
    account: ChannelAccount<Config, Credentials>,
    request: WebhookRequest,
    receive: (message: IncomingMessage) => Promise<void>,
  ) => Promise<WebhookAnswer>
  readonly health: (account: ChannelAccount<Config, Credentials>) => Promise<ChannelHealth>
}

/** Declares an adapter: its settings are typed within, and read by its schemas before it gets them. */
export const defineAdapter = <Config, Credentials>(adapter: ChannelAdapter<Config, Credentials>): ChannelAdapter =>
  adapter as unknown as ChannelAdapter
