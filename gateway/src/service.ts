/** The edge: one address for the whole mesh. */
import { listen, type DrainableServer, type Mesh, type Part, type Service } from '@clawmesh/chassis'
import { admitter } from './admission/admit.ts'
import { identityLookups } from './admission/lookups.ts'
import { isDevelopment, isLoopback, listenHost, type GatewayConfig } from './config.ts'
import { clientIpFinder } from './edge/client-ip.ts'
import { cors } from './edge/cors.ts'
import { deliverer } from './edge/deliver.ts'
import { refuseForeignPages } from './edge/development-guard.ts'
import { routeFinder } from './edge/find-route.ts'
import { pipeline } from './edge/pipeline.ts'
import { limitRuns } from './limit/limit.ts'
import { rateLimiter } from './limit/limiter.ts'
import { ratesOf } from './limit/rate.ts'
import { ownApp } from './own/app.ts'

export interface GatewayService extends Service {
  /** The port it listens on; 0 before it has started. */
  port: () => number
}

/** The edge as a room. It listens by itself, once every other part of its process runs. */
export const gatewayService = (mesh: Mesh, config: GatewayConfig): GatewayService => {
  const log = mesh.log.child({ service: 'gateway' })
  const host = listenHost(config)
  const crossOrigin = cors(config.allowedOrigins)
  const clientIp = clientIpFinder(config.trustedProxies)
  const lookups = identityLookups(mesh)
  const limiter = rateLimiter(config.replicas, mesh.config.redisUrl, log)
  const { deliver, close } = deliverer(mesh, ownApp(mesh, lookups, config.version))

  const handle = pipeline({
    cors: crossOrigin,
    findRoute: routeFinder(),
    guard: isDevelopment(config)
      ? refuseForeignPages({ loopbackOnly: isLoopback(host), isAllowedOrigin: crossOrigin.isAllowed })
      : () => undefined,
    admit: admitter(config, lookups),
    limit: limitRuns(limiter.take, ratesOf(config, lookups, log), clientIp),
    deliver,
    clientIp,
    log,
  })

  let server: DrainableServer | undefined
  const listener: Part = {
    name: 'gateway',
    ready: () => server !== undefined,
    start: async () => {
      server = await listen(handle, host, config.port)
    },
    stop: async () => {
      await server?.drain(mesh.config.drainTimeoutMs)
      close()
    },
  }

  return {
    name: 'gateway',
    port: () => server?.port ?? 0,
    lameDuck: () => server?.lameDuck(),
    parts: [limiter.part, listener],
  }
}
