/** Every event that a WebSocket session can be sent. What is not listed here is withheld. */
import { z } from 'zod'
import { elicitationActions, execDecisions, summoningSteps, type EventData, type EventName } from '../events/events.ts'
import type { RunEvent } from '../events/run-events.ts'
import type { StoredTraces } from '../events/stored-traces.ts'
import { epochMs, uuid } from '../http/common.ts'
import { agentEvent, agentEventOf } from './agent-event.ts'
import { elicitation } from './tools/mcp-elicitations.ts'
import { twinPayloads } from './twins.ts'

/**
 * Who is sent an event of a tenant: `admin` the tenant's admins; `user` those and the user whom its payload names, or
 * everybody when it names none; `tenant` everybody in it; `connection` only connections that it concerns, whom the sender picks; `everyone`
 * every authenticated or waiting connection, of whatever tenant.
 */
export type WsAudience = 'admin' | 'user' | 'tenant' | 'connection' | 'everyone'

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

/** An older name of a step of a run, for the connection that has asked for the run and knows no newer protocol. */
const twin = <T extends z.ZodType>(of: string, payload: T) =>
  wsEvent({ audience: 'connection', about: `${of}, as older clients know it`, payload })

const linked = { link_id: uuid, source_agent_key: z.string(), target_agent_key: z.string() }
const linkOf = ({ id, sourceAgentKey, targetAgentKey }: EventData<'agentLinkDeleted'>) => ({
  link_id: id,
  source_agent_key: sourceAgentKey,
  target_agent_key: targetAgentKey,
})

export const wsEvents = {
  agent: wsEvent({ audience: 'user', about: 'A step of an agent run, on whatever channel', payload: agentEvent }),
  chat: twin('Text of a run', twinPayloads.chat),
  chunk: twin('Text of a run', twinPayloads.chunk),
  'tool.call': twin('The call of a tool', twinPayloads['tool.call']),
  'tool.result': twin('The result of a tool', twinPayloads['tool.result']),
  'run.started': twin('The begin of a run', twinPayloads['run.started']),
  'run.completed': twin('The end of a run, however it ended', twinPayloads['run.completed']),
  'run.failed': twin('The failure of a run', twinPayloads['run.failed']),
  'run.cancelled': twin('The abort of a run', twinPayloads['run.cancelled']),
  'session.updated': wsEvent({
    audience: 'user',
    about: 'A session got another label',
    payload: z.object({ sessionKey: z.string(), label: z.string(), userId: z.string() }),
    from: {
      sessionPatched: ({ id, label = '', userId = '' }) => ({ sessionKey: id, label, userId }),
      sessionTitled: (titled) => titled,
    },
  }),
  cron: wsEvent({
    audience: 'user',
    about: 'A job was begun by hand, or a run of a job ended',
    payload: z.object({
      action: z.enum(['running', 'completed', 'error']),
      jobId: z.string(),
      jobName: z.string(),
      userId: z.string(),
      status: z.enum(['ok', 'error']).optional(),
      error: z.string().optional(),
    }),
    from: {
      cronRun: ({ id, name, userId }) => ({ action: 'running' as const, jobId: id, jobName: name, userId }),
      cronEnded: ({ id, name, userId, status, error }) => ({
        action: status === 'ok' ? ('completed' as const) : ('error' as const),
        jobId: id,
        jobName: name,
        userId,
        status,
        ...(error === undefined ? {} : { error }),
      }),
    },
  }),
  heartbeat: wsEvent({
    audience: 'tenant',
    about: 'An agent looks after its checklist, or has done so, or had no need to',
    payload: z.object({
      action: z.enum(['running', 'ok', 'suppressed', 'error', 'skipped']),
      agentId: uuid,
      agentKey: z.string(),
      status: z.string(),
      error: z.string().optional(),
      reason: z.string().optional(),
    }),
    from: {
      heartbeatBegun: ({ agentId, agentKey }) => ({ action: 'running' as const, agentId, agentKey, status: 'running' }),
      heartbeatEnded: ({ id: _, ...ended }) => ({ action: ended.status, ...ended }),
    },
  }),
  'trace.updated': wsEvent({
    audience: 'user',
    about: 'Traces of a user, or of runs without one, are new or have changed, and can be read',
    payload: z.object({ trace_ids: z.array(z.string()), userId: z.string().optional() }),
  }),
  'usage.cap.reached': wsEvent({
    audience: 'admin',
    about: 'So much of a usage cap is used: 50, 80 or 100 % of its amount',
    payload: z.object({
      cap_id: uuid,
      scope: z.string(),
      subject: z.string().describe('Whose usage it is; empty for the tenant'),
      metric: z.string(),
      period: z.string(),
      mode: z.string(),
      amount: z.number(),
      percent: z.number(),
      used: z.number(),
      renews_at: z.string(),
    }),
    from: {
      usageCapReached: ({ id, renewsAt, ...reached }) => ({ cap_id: id, renews_at: renewsAt, ...reached }),
    },
  }),
  'agent.summoning': wsEvent({
    audience: 'user',
    about: 'A step of the summoning of an agent, for admins and the owner of the agent',
    payload: z.object({
      type: z.enum(summoningSteps),
      agent_id: uuid,
      userId: z.string().describe('The owner of the agent'),
      file: z.string().optional(),
      error: z.string().optional(),
    }),
    from: { agentSummoning: ({ id, ...step }) => ({ agent_id: id, ...step }) },
  }),
  'agent_link.created': wsEvent({
    audience: 'admin',
    about: 'An agent may hand work to another',
    payload: z.object({
      ...linked,
      source_agent_id: uuid,
      target_agent_id: uuid,
      direction: z.string(),
      status: z.string(),
    }),
    from: {
      agentLinkCreated: ({ sourceAgentId, targetAgentId, direction, status, ...link }) => ({
        ...linkOf(link),
        source_agent_id: sourceAgentId,
        target_agent_id: targetAgentId,
        direction,
        status,
      }),
    },
  }),
  'agent_link.updated': wsEvent({
    audience: 'admin',
    about: 'A link between agents was changed',
    payload: z.object({ ...linked, direction: z.string(), status: z.string(), changes: z.array(z.string()) }),
    from: {
      agentLinkUpdated: ({ direction, status, changes, ...link }) => ({
        ...linkOf(link),
        direction,
        status,
        changes: changes.map((name) => (name === 'maxConcurrent' ? 'max_concurrent' : name)),
      }),
    },
  }),
  'agent_link.deleted': wsEvent({
    audience: 'admin',
    about: 'An agent may hand no more work to another',
    payload: z.object(linked),
    from: { agentLinkDeleted: (link) => linkOf(link) },
  }),
  'exec.approval.requested': wsEvent({
    audience: 'user',
    about: 'A command waits for the word of an operator',
    payload: z.object({
      id: uuid,
      command: z.string(),
      agentId: uuid,
      userId: z.string().describe('Whose turn waits'),
      createdAt: epochMs,
    }),
  }),
  'exec.approval.resolved': wsEvent({
    audience: 'user',
    about: 'A command that waited was decided, or waits no more and is denied',
    payload: z.object({
      id: uuid,
      decision: z.enum(execDecisions),
      userId: z.string(),
      resolvedBy: z.string().describe('Empty where nobody decided'),
    }),
    from: {
      execApprovalDecided: ({ id, decision, userId, actorId }) => ({ id, decision, userId, resolvedBy: actorId }),
      execApprovalLapsed: ({ id, userId }) => ({ id, decision: 'deny' as const, userId, resolvedBy: '' }),
    },
  }),
  'mcp.sign_in.requested': wsEvent({
    audience: 'user',
    about: 'An agent needs a user to sign in to an MCP server',
    payload: z.object({
      id: uuid,
      serverId: uuid,
      server: z.string(),
      userId: z.string().describe('Who has to sign in'),
      authUrl: z.string().describe('What they open in a browser'),
      expiresAt: epochMs,
    }),
  }),
  'mcp.sign_in.completed': wsEvent({
    audience: 'user',
    about: 'A user has signed in to an MCP server, or is signed out of it',
    payload: z.object({ serverId: uuid, userId: z.string(), signedIn: z.boolean() }),
    from: {
      mcpSignedIn: ({ id, userId }) => ({ serverId: id, userId, signedIn: true }),
      mcpSignedOut: ({ id, userId }) => ({ serverId: id, userId, signedIn: false }),
    },
  }),
  'mcp.elicitation.requested': wsEvent({
    audience: 'user',
    about: 'An MCP server asks a user something in the middle of a call',
    payload: elicitation,
  }),
  'mcp.elicitation.resolved': wsEvent({
    audience: 'user',
    about: 'What an MCP server asked is answered, or waits no more',
    payload: z.object({ id: uuid, userId: z.string(), action: z.enum(elicitationActions) }),
    from: { mcpElicitationEnded: (ended) => ended },
  }),
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

/** A live event of a run as connections are sent it. */
export const wsAgentEvent = (event: RunEvent) => ({ event: 'agent' as const, payload: agentEventOf(event) })

/** What traces tell of as connections are sent it. */
export const wsTraceUpdated = ({ userId, traceIds }: StoredTraces) => ({
  event: 'trace.updated' as const,
  payload: { trace_ids: traceIds, ...(userId === '' ? {} : { userId }) },
})
