/** Carries events of the mesh to connections. Nothing is heard of tenants that nobody is connected for. */
import {
  cloudEvent,
  events,
  eventSubject,
  runEvent,
  runSubject,
  storedTraces,
  storedTracesSubject,
  twinsOf,
  wsAgentEvent,
  wsEventSources,
  wsTraceUpdated,
  type EventName,
  type RunEvent,
  type WsEventMessage,
  type WsEventName,
} from '@clawmesh/contracts'
import type { Bus, Logger } from '@clawmesh/chassis'
import type { Announcement, Announcements } from './announcements.ts'
import { maySee } from './audience.ts'
import { eventOpening } from './sender.ts'
import { tenantOfSession, type Session } from './session.ts'

interface TenantEvents {
  /** Follows a connection to the tenant that it stands in now; called whenever that may have changed. */
  follow: (session: Session) => void
  leave: (session: Session) => void
  /** Tenants that are listened to. */
  size: () => number
}

interface Parts {
  bus: Pick<Bus, 'subscribe'>
  log: Logger
  announcements: Announcements
}

interface TenantFeed {
  sessions: Set<Session>
  close: () => void
}

export const createTenantEvents = ({ bus, log, announcements }: Parts): TenantEvents => {
  const feeds = new Map<string, TenantFeed>()
  const places = new Map<Session, string>()

  const deliver = (sessions: Iterable<Session>, message: WsEventMessage) => {
    let opening: string | undefined
    for (const session of sessions)
      if (maySee(session, message)) session.sender.event((opening ??= eventOpening(message.event, message.payload)))
  }

  const deliverStep = (sessions: ReadonlySet<Session>, event: RunEvent) => {
    const message = wsAgentEvent(event)
    deliver(sessions, message)
    for (const { ownRuns, isLegacy, sender } of sessions) {
      if (!ownRuns.has(event.runId)) continue
      if (isLegacy) for (const twin of twinsOf(message.payload)) sender.event(eventOpening(twin.event, twin.payload))
      ownRuns.saw(message.payload)
    }
  }

  const open = (tenantId: string): TenantFeed => {
    const sessions = new Set<Session>()
    const onFact = (name: EventName, handle: (data: unknown) => void) =>
      bus.subscribe(eventSubject(name, tenantId), (message) =>
        handle(events[name].data.parse(cloudEvent.parse(message).data)),
      )
    const announce = async (event: WsEventName, read: Announcement['read'], data: { id: string }) => {
      if (![...sessions].some((session) => maySee(session, { event, payload: data }))) return
      const message = await read(tenantId, data.id)
      if (message !== undefined) deliver(sessions, message)
    }
    const stops = [
      bus.subscribe(runSubject(tenantId, '*'), (message) => deliverStep(sessions, runEvent.parse(message))),
      bus.subscribe(storedTracesSubject(tenantId), (message) =>
        deliver(sessions, wsTraceUpdated(storedTraces.parse(message))),
      ),
      ...wsEventSources.map(({ name, toMessage }) => onFact(name, (data) => deliver(sessions, toMessage(data)))),
      ...Object.entries(announcements).map(([name, { event, read }]) =>
        onFact(name as EventName, (data) => {
          announce(event, read, data as { id: string }).catch((err: unknown) =>
            log.warn({ err, event }, 'what waits for somebody could not be announced'),
          )
        }),
      ),
    ]
    return { sessions, close: () => stops.forEach((stop) => stop()) }
  }

  const leave = (session: Session) => {
    const tenantId = places.get(session)
    if (tenantId === undefined) return
    places.delete(session)
    const feed = feeds.get(tenantId)!
    feed.sessions.delete(session)
    if (feed.sessions.size > 0) return
    feed.close()
    feeds.delete(tenantId)
  }

  return {
    follow: (session) => {
      const tenantId = tenantOfSession(session)
      if (tenantId === places.get(session)) return
      leave(session)
      if (tenantId === undefined) return
      const feed = feeds.get(tenantId) ?? open(tenantId)
      feeds.set(tenantId, feed)
      feed.sessions.add(session)
      places.set(session, tenantId)
    },
    leave,
    size: () => feeds.size,
  }
}
