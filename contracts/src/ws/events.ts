/** Every event that a WebSocket session can be sent. What is not listed here is withheld. */
import { z } from 'zod'
import type { EventData, EventName, RunEvent } from '../events/index.ts'
import { epochMs, uuid } from '../http/common.ts'

/**
 * Who is sent an event of a tenant: `admin` the tenant's admins; `user` those and the user whom its payload names, or
 * everybody when it names none; `connection` only connections that it concerns, whom the sender picks; `everyone`
 * every authenticated or waiting connection, of whatever tenant.
 */
export type WsAudience = 'admin' | 'user' | 'connection' | 'everyone'

/** How durable events of the mesh become the payload; each makes one event of every one of its kind. */
type Sources<P> = { readonly [N in EventName]?: (data: EventData<N>) => P }

export interface WsEvent<T extends z.ZodType = z.ZodType> {
  audience: WsAudience
  about: string
  /** Absent for an event without payload. */
  payload?: T
  from?: Sources<z.input<T>>
}

const wsEvent = <T extends z.ZodType>(definition: WsEvent<T>): WsEvent<T> => definition

const usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  cache_creation_tokens: z.int(),
  cache_read_tokens: z.int(),
})

const agentEvent = z.object({
  type: z.string(),
  agentId: z.string().describe('Agent key'),
  runId: z.string(),
  userId: z.string().optional(),
  channel: z.string().optional(),
  sessionKey: z.string().optional(),
  payload: z
    .object({
      content: z.string(),
      phase: z.string(),
      iteration: z.int(),
      id: z.string(),
      name: z.string(),
      arguments: z.record(z.string(), z.unknown()),
      result: z.string(),
      is_error: z.boolean(),
      attempt: z.string(),
      error: z.string(),
      usage,
    })
    .partial()
    .optional(),
})
export type WsAgentEvent = z.infer<typeof agentEvent>

export const wsEvents = {
  agent: wsEvent({ audience: 'user', about: 'A step of an agent run, on whatever channel', payload: agentEvent }),
  'device.pair.requested': wsEvent({
    audience: 'admin',
    about: 'Somebody waits to be paired',
    payload: z.object({ code: z.string(), sender_id: z.string(), channel: z.string(), chat_id: z.string() }),
  }),
  'device.pair.resolved': wsEvent({
    audience: 'admin',
    about: 'A pairing was decided or ended; the connection that waited for it is told too',
    payload: z.object({ action: z.enum(['approved', 'denied', 'revoked']) }),
    from: {
      pairingApproved: () => ({ action: 'approved' as const }),
      pairingDenied: () => ({ action: 'denied' as const }),
      pairingRevoked: () => ({ action: 'revoked' as const }),
    },
  }),
  log: wsEvent({
    audience: 'connection',
    about: 'A log record, after `logs.tail`',
    payload: z.object({
      timestamp: epochMs,
      time: z.string().describe('The same as RFC 3339'),
      level: z.enum(['debug', 'info', 'warn', 'error']),
      message: z.string(),
      source: z.string().optional(),
      attrs: z.record(z.string(), z.string()).optional(),
    }),
  }),
  'tenant.access.revoked': wsEvent({
    audience: 'connection',
    about: 'The connection lost its tenant, and is closed next',
    payload: z.object({ user_id: z.string(), tenant_id: uuid }),
  }),
  shutdown: wsEvent({ audience: 'everyone', about: 'This replica is leaving: connect to another' }),
} as const

export type WsEventName = keyof typeof wsEvents
type PayloadOf<E> = E extends WsEvent<infer T> ? z.input<T> : never

/** An event on its way to the sessions of a tenant. */
export interface WsEventMessage {
  event: WsEventName
  payload?: unknown
  /** Id of the thing it is about, by which connections know that it concerns them. */
  about?: string | undefined
}

interface Source {
  name: EventName
  toMessage: (data: unknown) => WsEventMessage
}

/** What each durable event of the mesh becomes for sessions. */
export const wsEventSources: readonly Source[] = Object.entries<WsEvent>(wsEvents).flatMap(([event, { from = {} }]) =>
  Object.entries(from).map(([name, payloadOf]) => ({
    name: name as EventName,
    toMessage: (data: unknown) => ({
      event: event as WsEventName,
      payload: (payloadOf as (data: unknown) => unknown)(data),
      about: (data as { id?: string }).id,
    }),
  })),
)

const detailsOf = (event: RunEvent): WsAgentEvent['payload'] => {
  switch (event.type) {
    case 'run.started':
    case 'run.cancelled':
      return undefined
    case 'chunk':
    case 'thinking':
    case 'block.reply':
      return { content: event.content }
    case 'activity':
      return { phase: event.phase, iteration: event.iteration }
    case 'tool.call':
      return { id: event.id, name: event.name, arguments: event.arguments }
    case 'tool.result':
      return {
        id: event.id,
        name: event.name,
        is_error: event.isError,
        arguments: event.arguments,
        result: event.result,
        ...(event.isError ? { content: event.result } : {}),
      }
    case 'run.retrying':
      return { attempt: String(event.attempt), error: event.reason }
    case 'run.completed': {
      const { inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens } = event.usage
      return {
        content: event.content,
        usage: {
          prompt_tokens: inputTokens,
          completion_tokens: outputTokens,
          total_tokens: inputTokens + outputTokens,
          cache_creation_tokens: cacheCreationTokens,
          cache_read_tokens: cacheReadTokens,
        },
      }
    }
    case 'run.failed':
      return { error: event.error }
  }
}

/** A live event of a run as sessions are sent it. */
export const wsAgentEvent = (event: RunEvent): WsEventMessage & { payload: PayloadOf<(typeof wsEvents)['agent']> } => {
  const payload = detailsOf(event)
  const { type, agentKey, runId, userId, channel, sessionKey } = event
  return {
    event: 'agent',
    payload: {
      type,
      agentId: agentKey,
      runId,
      userId,
      channel,
      sessionKey,
      ...(payload === undefined ? {} : { payload }),
    },
  }
}
