/** The edge: one address for the whole mesh. */
import { listen, type DrainableServer, type Mesh, type Part, type Service } from '@clawmesh/chassis'
import { admitter } from './admission/admit.ts'
import { wsDoor } from './admission/authenticate.ts'
import { identityLookups } from './admission/lookups.ts'
import { isDevelopment, isLoopback, listenHost, type GatewayConfig } from './config.ts'
import { clientIpFinder } from './edge/client-ip.ts'
import { cors } from './edge/cors.ts'
import { deliverer } from './edge/deliver.ts'
import { refuseForeignPages } from './edge/development-guard.ts'
import { routeFinder } from './edge/find-route.ts'
import { pipeline } from './edge/pipeline.ts'
import { claimer } from './idempotency/claims.ts'
import { oncePerKey } from './idempotency/once.ts'
import { limitRuns, limitWsRuns } from './limit/limit.ts'
import { rateLimiter } from './limit/limiter.ts'
import { ratesOf } from './limit/rate.ts'
import { ownApp } from './own/app.ts'
import { socketLimits, type SocketLimits } from './ws/limits.ts'
import { webSockets } from './ws/server.ts'
import { wantsWebSocket } from './ws/upgrade.ts'

export interface GatewayService extends Service {
  /** The port it listens on; 0 before it has started. */
  port: () => number
  /** What is remembered of WebSocket connections in all; 0 when there are none. */
  connections: () => number
}

/** The edge as a room. It listens by itself, once every other part of its process runs. */
export const gatewayService = (
  mesh: Mesh,
  config: GatewayConfig,
  limits: SocketLimits = socketLimits,
): GatewayService => {
  const log = mesh.log.child({ service: 'gateway' })
  const host = listenHost(config)
  const crossOrigin = cors(config.allowedOrigins)
  const clientIp = clientIpFinder(config.trustedProxies)
  const lookups = identityLookups(mesh)
  const limiter = rateLimiter(config.replicas, mesh.config.redisUrl, log)
  const rateOf = ratesOf(config, lookups, log)
  const { deliver, close } = deliverer(mesh, ownApp(mesh, lookups, config.version))

  const guard = isDevelopment(config)
    ? refuseForeignPages({ loopbackOnly: isLoopback(host), isAllowedOrigin: crossOrigin.isAllowed })
    : () => undefined
  const once = oncePerKey({ claim: claimer(mesh, config.idempotencyLeaseMs, log), deliver, log })

  const handle = pipeline({
    cors: crossOrigin,
    findRoute: routeFinder(),
    guard,
    admit: admitter(config, lookups),
    limit: limitRuns(limiter.take, rateOf, clientIp),
    deliver,
    once: once.serve,
    clientIp,
    log,
  })

  const sockets = webSockets({
    mesh,
    config,
    guard,
    isAllowedOrigin: crossOrigin.isAllowed,
    admit: admitter(config, lookups, wsDoor),
    lookups,
    takeRun: limitWsRuns(limiter.take, rateOf),
    clientIp,
    limits,
    log,
  })

  let server: DrainableServer | undefined
  const listener: Part = {
    name: 'gateway',
    ready: () => server !== undefined,
    start: async () => {
      server = await listen(handle, host, config.port, {
        limits: config,
        handlerContinues: true,
        upgrades: { wants: wantsWebSocket, handle: sockets.upgrade },
      })
    },
    stop: async () => {
      const { drainTimeoutMs } = mesh.config
      await Promise.all([sockets.drain(drainTimeoutMs), server?.drain(drainTimeoutMs)])
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
    },
    connections: sockets.remembered,
    parts: [limiter.part, listener],
  }
}
