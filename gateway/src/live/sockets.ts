/** WebSockets that only send: who may open one is known from the request that asks for it. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { authorise } from '@clawmesh/chassis'
import { allRoutes, http, MeshError, wsCloseCodes, type Caller, type Route } from '@clawmesh/contracts'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Admit } from '../admission/admit.ts'
import { readCredentials, refuseRepeatedCredentials, type PresentedCredentials } from '../admission/credentials.ts'
import { tokenBesideHeader } from '../admission/page-token.ts'
import type { SocketLimits } from '../ws/limits.ts'
import { createSender } from '../ws/sender.ts'
import { refuseUpgrade } from '../ws/upgrade.ts'
import type { Feed } from './feeds.ts'

interface Parts {
  feeds: Readonly<Record<string, Feed>>
  admit: Admit
  /** Looks at a request before its credential; throws to refuse it. */
  guard: (request: IncomingMessage) => void
  isAllowedOrigin: (origin: string) => boolean
  clientIp: (request: IncomingMessage) => string
  /** Connections that one address may have; 0 is no cap. */
  perIp: number
  limits: SocketLimits
}

export interface LiveSockets {
  /** Whether a request asks for one of these. */
  wants: (request: IncomingMessage) => boolean
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  lameDuck: () => void
  /** Ends every connection. */
  drain: () => Promise<void>
}

const routes: ReadonlyMap<string, Route> = new Map(
  allRoutes
    .filter(
      ({ definition, operation }) => definition.upgrade !== undefined && operation in http.operatorConsole.operations,
    )
    .map((route) => [route.path, route]),
)
const routeOf = ({ url = '' }: IncomingMessage): Route | undefined => routes.get(url.split('?', 1)[0]!)

export const createLiveSockets = (parts: Parts): LiveSockets => {
  const { feeds, admit, guard, isAllowedOrigin, clientIp, perIp, limits } = parts
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.frameBytes,
    perMessageDeflate: false,
    clientTracking: true,
  })
  const ipOf = new Map<WebSocket, string>()
  let leaving = false

  const callerOf = async (route: Route, credentials: PresentedCredentials): Promise<Caller> => {
    const { caller } = await admit(credentials)
    authorise(caller, route)
    return caller
  }

  const run = (
    socket: WebSocket,
    connection: Duplex,
    route: Route,
    caller: Caller,
    credentials: PresentedCredentials,
  ) => {
    const sender = createSender(socket, connection, limits)
    const close = (code: number, reason: string) => sender.close(code, reason)
    let heardAt = performance.now()
    const stop = feeds[route.operation]!(caller, (frame) => sender.answer(JSON.stringify(frame)))
    const recheck = async () => {
      const now = await callerOf(route, credentials)
      if (now.tenantId !== caller.tenantId) throw new MeshError('TENANT_ACCESS_REVOKED', 'error.unauthorized')
    }
    const timers = [
      setInterval(() => {
        if (performance.now() - heardAt > limits.readDeadlineMs) sender.cut()
        else socket.ping()
      }, limits.pingEveryMs),
      setInterval(() => {
        recheck().catch((thrown: unknown) => {
          // While it cannot be known who that is, it stays who it was.
          if (thrown instanceof MeshError && thrown.code !== 'UNAVAILABLE')
            close(wsCloseCodes.unauthorized, 'the credential does not hold any more')
        })
      }, limits.recheckMs),
    ]
    const heard = () => (heardAt = performance.now())
    socket.on('message', heard).on('pong', heard)
    socket.on('error', () => undefined)
    socket.once('close', () => {
      timers.forEach(clearInterval)
      stop()
      ipOf.delete(socket)
    })
    if (leaving) close(wsCloseCodes.goingAway, 'leaving')
  }

  const open = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const route = routeOf(request)!
    if (leaving) throw new MeshError('UNAVAILABLE', 'error.shutting_down')
    guard(request)
    refuseRepeatedCredentials(request)
    const ip = clientIp(request)
    if (perIp > 0 && [...ipOf.values()].filter((other) => other === ip).length >= perIp)
      throw new MeshError('RESOURCE_EXHAUSTED', 'error.too_many_sockets')
    const credentials = readCredentials(request.headers, tokenBesideHeader(request, route, isAllowedOrigin))
    const caller = await callerOf(route, credentials)
    if (socket.destroyed) return
    server.handleUpgrade(request, socket, head, (opened) => {
      ipOf.set(opened, ip)
      run(opened, socket, route, caller, credentials)
    })
  }

  const closeAll = () => {
    for (const socket of server.clients) socket.close(wsCloseCodes.goingAway, 'leaving')
  }

  return {
    wants: (request) => request.headers.upgrade?.toLowerCase() === 'websocket' && routeOf(request) !== undefined,
    upgrade: (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      open(request, socket, head).catch((thrown: unknown) => refuseUpgrade(request, socket, thrown))
    },
    lameDuck: () => {
      leaving = true
      closeAll()
    },
    drain: async () => {
      leaving = true
      closeAll()
      const deadline = performance.now() + limits.closeMs
      while (server.clients.size > 0 && performance.now() < deadline) await sleep(10)
      for (const socket of server.clients) socket.terminate()
    },
  }
}
