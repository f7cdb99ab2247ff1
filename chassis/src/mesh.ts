/** What a module is given to build itself from, and what it gives back. */
import { join, resolve } from 'node:path'
import type { ServiceName } from '@clawmesh/contracts'
import { MethodsServiceService } from '@clawmesh/contracts/gen/clawmesh/methods/v1/methods.ts'
import type { Bus } from './bus/bus.ts'
import { createCache, type Cache, type CacheOptions } from './cache/cache.ts'
import { watchCache } from './cache/metrics.ts'
import type { CacheKind } from '@clawmesh/contracts'
import type { ChassisConfig, RemoteService } from './config.ts'
import type { Configuration } from './config/configuration.ts'
import type { SecretBox } from './crypto/secret-box.ts'
import { openDatabase, type Database } from './db/database.ts'
import { connectDirect } from './grpc/direct.ts'
import { connectGrpc } from './grpc/client.ts'
import { connectLinked } from './link/functions.ts'
import { watchPool } from './link/metrics.ts'
import { createLinkPool, type LinkPool } from './link/pool.ts'
import { serviceCaller } from './call.ts'
import { serviceNameOf, type LooseFunctions, type RpcDefinition, type RpcFunctions } from './grpc/types.ts'
import type { HttpParts } from './http/core.ts'
import type { HttpExchange } from './http/exchange.ts'
import { nodeHandler, type HttpHandler } from './http/node.ts'
import type { IdentityTokens } from './auth/identity-token.ts'
import type { Part } from './lifecycle/lifecycle.ts'
import { serveLogs } from './log/log-feed.ts'
import { tailOf, type Logger } from './log/logger.ts'
import type { CallWsMethod } from './ws/implement.ts'
import { createMethodsRpc } from './ws/methods-rpc.ts'

export interface RpcImplementation {
  definition: RpcDefinition
  functions: LooseFunctions
}

/** A module as the process sees it. */
export interface Service {
  name: ServiceName
  /** Answers the service's HTTP contract over HTTP. The gateway has none: it listens itself. */
  http?: HttpHandler
  /** Answers it however it comes; absent where a stand-in only knows HTTP. */
  exchange?: HttpExchange
  rpc?: readonly RpcImplementation[]
  /** Answers the service's WebSocket methods. The gateway has none here: it answers its own where the sockets are. */
  ws?: CallWsMethod
  /** Where a service that listens by itself can be reached; only the gateway does. */
  port?: () => number
  /** First step of leaving: ask clients to go elsewhere, while still answering them. */
  lameDuck?: () => void
  /** Its own parts, in the order in which they start. */
  parts: readonly Part[]
}

/** Pairs a gRPC contract with its functions, checked against each other. */
export const implementRpc = <D extends RpcDefinition>(
  definition: D,
  functions: RpcFunctions<D>,
): RpcImplementation => ({
  definition,
  functions: functions as unknown as LooseFunctions,
})

/** How HTTP requests get to a service in another process. */
export interface RemoteRoute {
  /** Of its replicas, at least one. */
  urls: readonly URL[]
  /** To its replicas; absent where requests are to go with HTTP. */
  links?: LinkPool
}

export interface Mesh {
  config: ChassisConfig
  log: Logger
  bus: Bus
  tokens: IdentityTokens
  secrets: SecretBox
  /** Whether the process runs everything by itself, on embedded dependencies where none are given. */
  embedded: boolean
  /** The configuration of the whole process; undefined where it was not made from one. */
  configuration?: Configuration
  /** Absolute path of the data folder. */
  dataDir: string
  /** Absolute path of the base folder of agent workspaces. */
  workspaceDir: string
  /** The functions of a service, wherever it runs. */
  client: <D extends RpcDefinition>(definition: D) => RpcFunctions<D>
  /** The WebSocket methods of a service, wherever it runs. Params and result are JSON texts. */
  methods: (service: RemoteService) => RpcFunctions<typeof MethodsServiceService>
  /** Opens the database of a service; closed with the process. */
  database: (service: RemoteService) => Database
  /** A cache of what is derived from some kinds of things; the first is the one whose keys are the cache's own. */
  cache: <V extends object>(kinds: CacheKind | CacheOptions['kinds'], max: number) => Cache<V>
  httpParts: (service: ServiceName) => HttpParts
  /** The handler of a service in this process, or the way to its replicas elsewhere. */
  route: (service: RemoteService) => HttpHandler | RemoteRoute
}

export interface MeshHost extends Mesh {
  /** Makes a service known to the others of its process. */
  join: (service: Service) => void
  services: () => readonly Service[]
  close: () => Promise<void>
}

interface MeshParts {
  config: ChassisConfig
  log: Logger
  bus: Bus
  tokens: IdentityTokens
  secrets: SecretBox
  embedded: boolean
  configuration?: Configuration
  dataDir: string
  databaseUrl: (service: RemoteService) => string
  /** Whether a service's database is the embedded one. */
  isEmbeddedDatabase: (service: RemoteService) => boolean
}

const embeddedPoolSize = 3

/** The mesh as one process knows it: local services are called directly, all others over the network. */
export const createMesh = (parts: MeshParts): MeshHost => {
  const { config, log, bus, tokens } = parts
  const services = new Map<ServiceName, Service>()
  const databases = new Map<RemoteService, Database>()
  const hangUps: (() => void)[] = []
  const tail = tailOf(log)
  if (tail !== undefined) hangUps.push(serveLogs(bus, tail))

  const pools = new Map<string, LinkPool>()
  /** Services at the same address share their links. */
  const poolOf = (name: RemoteService): LinkPool => {
    const target = config[`${name}GrpcUrl`]
    const known = pools.get(target)
    if (known !== undefined) return known
    const pool = createLinkPool({ target, tls: config, identity: () => tokens.mint(serviceCaller()) })
    pools.set(target, pool)
    hangUps.push(watchPool(name, pool), pool.close)
    return pool
  }
  const remote = (definition: RpcDefinition, name: RemoteService): LooseFunctions => {
    const target = config[`${name}GrpcUrl`]
    const { functions, close } =
      config.rpcTransport === 'link'
        ? connectLinked(definition, { links: poolOf(name), target, tokens, settings: config })
        : connectGrpc(definition, target, tokens, config)
    hangUps.push(close)
    return functions
  }
  const connect = (definition: RpcDefinition): LooseFunctions => {
    const name = serviceNameOf(definition)
    const local = services.get(name)?.rpc?.find((rpc) => rpc.definition === definition)
    return local === undefined ? remote(definition, name) : connectDirect(definition, local.functions, config)
  }
  const connectMethods = (service: RemoteService): LooseFunctions => {
    if (!services.has(service)) return remote(MethodsServiceService, service)
    const { functions } = implementRpc(
      MethodsServiceService,
      createMethodsRpc((name) => services.get(name)?.ws),
    )
    return connectDirect(MethodsServiceService, functions, config)
  }
  /** Decided at the first call: while modules are being built not all of them have joined. */
  const deferred = <D extends RpcDefinition>(definition: D, connected: () => LooseFunctions): RpcFunctions<D> => {
    let functions: LooseFunctions | undefined
    const call =
      (name: string) =>
      (...args: Parameters<LooseFunctions[string]>) =>
        (functions ??= connected())[name]!(...args)
    return Object.fromEntries(Object.keys(definition).map((name) => [name, call(name)])) as unknown as RpcFunctions<D>
  }

  return {
    ...parts,
    workspaceDir: config.workspaceDir === '' ? join(parts.dataDir, 'workspace') : resolve(config.workspaceDir),
    client: <D extends RpcDefinition>(definition: D): RpcFunctions<D> =>
      deferred(definition, () => connect(definition)),
    methods: (service) => deferred(MethodsServiceService, () => connectMethods(service)),
    database: (service) => {
      const known = databases.get(service)
      if (known !== undefined) return known
      const embedded = parts.isEmbeddedDatabase(service)
      const database = openDatabase({
        url: parts.databaseUrl(service),
        schema: service,
        // The embedded database is one session for all: more connections would only queue.
        poolSize: embedded ? Math.min(config.poolSize, embeddedPoolSize) : config.poolSize,
        keepsStatements: config.preparedStatements,
        log: log.child({ part: 'database', service }),
      })
      databases.set(service, database)
      return database
    },
    cache: <V extends object>(given: CacheKind | CacheOptions['kinds'], max: number): Cache<V> => {
      const kinds = typeof given === 'string' ? ([given] as const) : given
      const cache = createCache<V>({ kinds, max, ttlMs: config.cacheTtlMs, bus })
      hangUps.push(watchCache(kinds[0], cache))
      return cache
    },
    httpParts: (service) => ({ tokens, log: log.child({ service }), checkResponses: config.checkResponses }),
    route: (service) => {
      const { exchange, http } = services.get(service) ?? {}
      if (exchange !== undefined) return nodeHandler(tokens, exchange)
      if (http !== undefined) return http
      const urls = config[`${service}HttpUrl`].split(',').map((url) => new URL(url.trim()))
      return config.edgeTransport === 'link' ? { urls, links: poolOf(service) } : { urls }
    },
    join: (service) => void services.set(service.name, service),
    services: () => [...services.values()],
    close: async () => {
      for (const hangUp of hangUps) hangUp()
      await Promise.all([...databases.values()].map((database) => database.close()))
    },
  }
}
