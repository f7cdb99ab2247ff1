/** The edge: one address for the whole mesh. */
import { randomUUID } from 'node:crypto'
import {
  createLogWatch,
  createSignedUrls,
  listen,
  type DrainableServer,
  type Mesh,
  type Part,
  type Service,
} from '@clawmesh/chassis'
import { createAdmitter } from './admission/admit.ts'
import { createBridgeAdmitter } from './admission/bridge.ts'
import { wsTransport } from './admission/authenticate.ts'
import { createSignedAdmitter } from './admission/signed-url.ts'
import { createIdentityLookups } from './admission/lookups.ts'
import { isDevelopment, isLoopback, isOpenToAll, listenHost, refuseOpenToAll, type GatewayConfig } from './config.ts'
import { createClientIpFinder } from './edge/client-ip.ts'
import { createCors } from './edge/cors.ts'
import { createDeliverer } from './edge/deliver.ts'
import { createForeignPageGuard } from './edge/development-guard.ts'
import { createRouteFinder } from './edge/find-route.ts'
import { createPipeline } from './edge/pipeline.ts'
import { createKeyClaimer } from './idempotency/claims.ts'
import { createIdempotency } from './idempotency/once.ts'
import { createKeyRuns } from './limit/key-runs.ts'
import { createStartCounter } from './limit/limit.ts'
import { createRateLimiter } from './limit/limiter.ts'
import { createRateLookup } from './limit/rate.ts'
import { createFeeds } from './live/feeds.ts'
import { createLiveSockets } from './live/sockets.ts'
import { createOwnApp } from './own/app.ts'
import { socketLimits, type SocketLimits } from './ws/limits.ts'
import { createWebSockets } from './ws/server.ts'
import { wantsWebSocket } from './ws/upgrade.ts'

export interface GatewayService extends Service {
  /** The port it listens on; 0 before it has started. */
  port: () => number
  /** What is remembered of WebSocket connections in all; 0 when there are none. */
  connections: () => number
}

/** The edge as a module. It listens by itself, once every other part of its process runs. */
export const gatewayService = (
  mesh: Mesh,
  config: GatewayConfig,
  limits: SocketLimits = socketLimits,
): GatewayService => {
  const log = mesh.log.child({ service: 'gateway' })
  refuseOpenToAll(config)
  const host = listenHost(config)
  const crossOrigin = createCors(config.allowedOrigins)
  const clientIp = createClientIpFinder(config.trustedProxies)
  const lookups = createIdentityLookups(mesh)
  const logs = createLogWatch(mesh.bus, randomUUID())
  const limiter = createRateLimiter(config.replicas, mesh.config.redisUrl, log)
  const count = createStartCounter(limiter.take, createRateLookup(config, lookups, log), config)
  const holdKeyRun = createKeyRuns(mesh, config.keyRunLeaseMs, log)
  const { deliver, close } = createDeliverer(mesh, createOwnApp({ mesh, lookups, logs, version: config.version }))

  const guard = isDevelopment(config)
    ? createForeignPageGuard({ loopbackOnly: isLoopback(host), isAllowedOrigin: crossOrigin.isAllowed })
    : () => undefined
  const once = createIdempotency({ claim: createKeyClaimer(mesh, config.idempotencyLeaseMs, log), deliver, log })

  const handle = createPipeline({
    cors: crossOrigin,
    findRoute: createRouteFinder(),
    guard,
    admit: createAdmitter(config, lookups),
    admitSigned: createSignedAdmitter(createSignedUrls(mesh.secrets), lookups),
    admitBridge: createBridgeAdmitter(config, lookups),
    count,
    holdKeyRun,
    deliver,
    once: once.serve,
    clientIp,
    log,
  })

  const sockets = createWebSockets({
    mesh,
    config,
    guard,
    isAllowedOrigin: crossOrigin.isAllowed,
    admit: createAdmitter(config, lookups, wsTransport),
    lookups,
    count,
    holdKeyRun,
    clientIp,
    limits,
    log,
  })

  const live = createLiveSockets({
    feeds: createFeeds(mesh.bus, logs),
    admit: createAdmitter(config, lookups),
    guard,
    isAllowedOrigin: crossOrigin.isAllowed,
    clientIp,
    perIp: config.wsMaxPerIp,
    limits,
  })

  let server: DrainableServer | undefined
  const listener: Part = {
    name: 'gateway',
    ready: () => server !== undefined,
    start: async () => {
      if (isOpenToAll(config))
        log.warn({ host }, 'no gateway token is set: whoever reaches this address owns the system')
      server = await listen(handle, host, config.port, {
        limits: config,
        handlerContinues: true,
        upgrades: {
          wants: (request) => wantsWebSocket(request) || live.wants(request),
          handle: (request, ...connection) => (live.wants(request) ? live : sockets).upgrade(request, ...connection),
        },
      })
    },
    stop: async () => {
      const { drainTimeoutMs } = mesh.config
      await Promise.all([sockets.drain(drainTimeoutMs), live.drain(), server?.drain(drainTimeoutMs)])
      await once.drain(drainTimeoutMs)
      close()
    },
  }

  return {
    name: 'gateway',
    port: () => server?.port ?? 0,
    lameDuck: () => {
      server?.lameDuck()
      sockets.lameDuck()
      live.lameDuck()
    },
    connections: sockets.remembered,
    parts: [limiter.part, listener],
  }
}
