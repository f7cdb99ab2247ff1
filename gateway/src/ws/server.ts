/** WebSocket connections from their opening to their end. */
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogWatch, databaseError, type Logger, type Mesh } from '@clawmesh/chassis'
import {
  errorKinds,
  MeshError,
  pickLocale,
  toMeshError,
  wsCloseCodes,
  wsErrorBody,
  type WsRequest,
  type WsRequestId,
} from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import type { Admit } from '../admission/admit.ts'
import type { Lookups } from '../admission/lookups.ts'
import type { GatewayConfig } from '../config.ts'
import { createLocalBuckets } from '../limit/bucket.ts'
import type { HoldKeyRun } from '../limit/key-runs.ts'
import type { CountStart } from '../limit/limit.ts'
import { createAnnouncements } from './announcements.ts'
import { createRequestHandler, localeOf } from './handle-request.ts'
import type { SocketLimits } from './limits.ts'
import { createConfigMethods } from './config-methods.ts'
import { createConnectionMethods } from './connection-methods.ts'
import { createConnections } from './connections.ts'
import { createOwnRuns } from './own-runs.ts'
import { createPairings } from './pairings.ts'
import { readFrame } from './read-frame.ts'
import { concerns, createRechecker } from './recheck.ts'
import { createSender, eventOpening } from './sender.ts'
import type { Session } from './session.ts'
import { createSessionRegistry } from './sessions.ts'
import { createLogMethods } from './log-methods.ts'
import { createSystemMethods } from './system-methods.ts'
import { createTenantEvents } from './tenant-events.ts'
import { mayConnect, refuseUpgrade, type UpgradeParts } from './upgrade.ts'

interface WebSocketParts extends Pick<UpgradeParts, 'guard' | 'isAllowedOrigin'> {
  mesh: Pick<Mesh, 'client' | 'methods' | 'bus' | 'config' | 'configuration'>
  config: GatewayConfig
  admit: Admit
  lookups: Lookups
  count: CountStart
  holdKeyRun: HoldKeyRun
  clientIp: (request: IncomingMessage) => string
  limits: SocketLimits
  log: Logger
}

export interface WebSockets {
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Tells everybody to connect elsewhere and lets nobody in, while requests are still answered. */
  lameDuck: () => void
  /** Waits for open requests, at most `timeoutMs`, then ends every connection. */
  drain: (timeoutMs: number) => Promise<void>
  /** What is remembered of connections in all; 0 once everybody has gone. */
  remembered: () => number
}

/** Connections that are asked again at once when a change may concern many. */
const recheckTogether = 100

export const createWebSockets = (parts: WebSocketParts): WebSockets => {
  const { mesh, config, admit, lookups, count, holdKeyRun, clientIp, limits, log } = parts
  const { pairings, pairingRequest } = createPairings(mesh.client(IdentityServiceService), log)
  const registry = createSessionRegistry({ perIp: config.wsMaxPerIp, perUser: config.wsMaxPerUser })
  const announcements = createAnnouncements({ pairingRequest, tools: mesh.client(ToolsServiceService) })
  const tenants = createTenantEvents({ bus: mesh.bus, log, announcements })
  const recheck = createRechecker(admit, limits.recheckMs)
  const rate = (intervalMs: number, burst: number) => {
    const take = createLocalBuckets()
    return (key: string) => take(key, { intervalMs, burst })
  }
  const takeRequest = rate(limits.requestIntervalMs, limits.requestBurst)
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.frameBytes,
    perMessageDeflate: false,
    clientTracking: false,
  })
  let leaving = false
  let draining = false
  let sweep: NodeJS.Timeout | undefined

  const { version } = config
  const connections = createConnections({ bus: mesh.bus, sessions: registry.all, replicas: config.replicas })
  const logMethods = createLogMethods(createLogWatch(mesh.bus, randomUUID()))
  const connectionMethods = createConnectionMethods({
    admit,
    lookups,
    pairings,
    server: { name: config.serverName, version },
    takePairing: rate(limits.pairingIntervalMs, limits.pairingBurst),
    takePairingStatus: rate(limits.pairingStatusIntervalMs, limits.pairingStatusBurst),
    admitSession: (session, { caller, limitKey }) =>
      registry.claim(session, `${caller.tenantId} ${limitKey || session.clientIp}`),
    changed: (session) => {
      logMethods.leave(session)
      session.recheckAtMs = performance.now() + limits.recheckMs
      if (!session.gone.aborted) tenants.follow(session)
    },
  })
  const handle = createRequestHandler({
    mesh,
    count,
    holdKeyRun,
    recheck,
    own: {
      ...connectionMethods,
      ...createSystemMethods({ mesh, lookups, connections, version }),
      ...createConfigMethods(mesh),
      ...logMethods.methods,
    },
  })
  const stopListening = connections.listen()

  const refuse = (
    { sender, locale }: Pick<Session, 'sender' | 'locale'>,
    id: WsRequestId,
    thrown: unknown,
    method = '',
  ) => {
    const error = toMeshError(databaseError(thrown))
    const level = error.code === 'INTERNAL' ? 'error' : errorKinds[error.code].status >= 500 ? 'warn' : 'debug'
    log[level]({ err: error, method }, error.message)
    sender.answer(JSON.stringify({ type: 'res', id, ok: false, error: wsErrorBody(error, locale) }))
  }

  const work = async (session: Session, request: WsRequest, key: string) => {
    try {
      const payload = await handle(session, request)
      session.sender.answer(`{"type":"res","id":${key},"ok":true,"payload":${payload}}`)
    } catch (thrown) {
      refuse({ sender: session.sender, locale: localeOf(session, request) }, request.id, thrown, request.method)
    } finally {
      session.openRequests.delete(key)
    }
  }

  /** Whatever comes after a `connect` waits for it; all else is worked on at once. */
  const receiver = (session: Session) => {
    let connecting: Promise<void> = Promise.resolve()
    return (data: RawData) => {
      session.lastReceivedMs = performance.now()
      const incoming = readFrame(data as Buffer)
      if (incoming.request === undefined) return refuse(session, incoming.id, incoming.error)
      const { request } = incoming
      const key = JSON.stringify(request.id)
      const { allowed, nextInMs } = takeRequest(session.id)
      if (!allowed || session.openRequests.size >= limits.openRequests)
        return refuse(
          session,
          request.id,
          new MeshError('RESOURCE_EXHAUSTED', 'error.rate_limit', {}, { retryAfterMs: allowed ? undefined : nextInMs }),
        )
      if (draining) return refuse(session, request.id, new MeshError('UNAVAILABLE', 'error.shutting_down'))
      if (session.openRequests.has(key))
        return refuse(session, request.id, new MeshError('INVALID_REQUEST', 'error.duplicate_id', { id: request.id }))
      session.openRequests.add(key)
      const done = connecting.then(() => work(session, request, key))
      if (request.method === 'connect') connecting = done
    }
  }

  const look = (session: Session, now: number) => {
    const { sender, authState } = session
    if (now - session.lastReceivedMs > limits.readDeadlineMs) return sender.cut()
    if (authState.kind === 'unknown' && now - session.sinceMs > limits.connectDeadlineMs)
      return sender.close(wsCloseCodes.unauthorized, 'no connect in time')
    if (authState.kind === 'pending' && now - session.sinceMs > limits.pairingDeadlineMs)
      return sender.close(wsCloseCodes.unauthorized, 'not paired in time')
    if (now >= session.recheckAtMs) {
      // Until the next look, when it cannot be known now.
      session.recheckAtMs = now + limits.sweepMs
      recheck(session).catch(() => undefined)
    }
  }

  const sweepAll = () => {
    const now = performance.now()
    for (const session of registry.all()) look(session, now)
    if (registry.all().size > 0) return
    clearInterval(sweep)
    sweep = undefined
  }

  const open = (socket: WebSocket, request: IncomingMessage, ip: string) => {
    const gone = new AbortController()
    // Each open request listens; that is no leak.
    setMaxListeners(2 * limits.openRequests, gone.signal)
    const now = performance.now()
    const session: Session = {
      id: randomUUID(),
      clientIp: ip,
      sender: createSender(socket, request.socket, limits),
      gone: gone.signal,
      authState: { kind: 'unknown' },
      locale: pickLocale(request.headers['accept-language']),
      openRequests: new Set(),
      ownRuns: createOwnRuns(),
      isLegacy: true,
      sinceMs: now,
      connectedAt: new Date(),
      lastReceivedMs: now,
      recheckAtMs: Infinity,
    }
    const ping = setInterval(() => socket.ping(), limits.pingEveryMs)
    registry.add(session)
    sweep ??= setInterval(sweepAll, limits.sweepMs).unref()
    socket.on('message', receiver(session))
    socket.on('pong', () => (session.lastReceivedMs = performance.now()))
    // What breaks the protocol is answered by the library with a close code of its own.
    socket.on('error', (err) => log.debug({ err }, 'a WebSocket connection failed'))
    socket.once('close', () => {
      clearInterval(ping)
      registry.remove(session)
      tenants.leave(session)
      logMethods.leave(session)
      pairings.leave(session)
      gone.abort(new MeshError('CANCELLED', 'error.cancelled'))
    })
  }

  const recheckAll = async (sessions: readonly Session[]) => {
    for (let from = 0; from < sessions.length; from += recheckTogether)
      await Promise.allSettled(
        sessions.slice(from, from + recheckTogether).map((session) => {
          // Looked at again soon, should it not be known now.
          session.recheckAtMs = performance.now() + limits.sweepMs
          return recheck(session)
        }),
      )
  }
  lookups.onInvalidation((tag) => {
    const touched = [...registry.all()].filter((session) => concerns(tag, session))
    if (touched.length > 0) void recheckAll(touched)
  })

  const lameDuck = () => {
    if (leaving) return
    leaving = true
    for (const { sender } of registry.all()) sender.event(eventOpening('shutdown', undefined))
  }
  const settled = async (done: () => boolean, timeoutMs: number) => {
    const deadline = performance.now() + timeoutMs
    while (!done() && performance.now() < deadline) await sleep(10)
  }

  return {
    upgrade: (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      const ip = clientIp(request)
      try {
        mayConnect(
          {
            ...parts,
            allowedOrigins: config.allowedOrigins(),
            hasCapacityFor: registry.hasCapacityFor,
            isLeaving: () => leaving,
          },
          request,
          ip,
        )
      } catch (thrown) {
        return refuseUpgrade(request, socket, thrown)
      }
      server.handleUpgrade(request, socket, head, (opened) => open(opened, request, ip))
    },
    lameDuck,
    drain: async (timeoutMs) => {
      lameDuck()
      draining = true
      const sessions = registry.all()
      await settled(() => [...sessions].every(({ openRequests }) => openRequests.size === 0), timeoutMs)
      for (const { sender } of sessions) sender.close(wsCloseCodes.goingAway, 'leaving')
      await settled(() => sessions.size === 0, limits.closeMs)
      for (const { sender } of sessions) sender.cut()
      await settled(() => sessions.size === 0, limits.closeMs)
      stopListening()
    },
    remembered: () => registry.size() + tenants.size(),
  }
}
