/** The servers that only the mesh itself sees: service routes, gRPC and probes. */
import {
  implementRpc,
  leavingHeader,
  listen,
  createMethodsRpc,
  createProbes,
  createRouteTable,
  sendError,
  type DrainableServer,
  type HttpExchange,
  type MeshHost,
  type Part,
  type RpcImplementation,
  type Lifecycle,
} from '@clawmesh/chassis'
import type { RpcServer } from '@clawmesh/chassis/grpc-server'
import { routesOf } from '@clawmesh/contracts'
import { MethodsServiceService } from '@clawmesh/contracts/gen/clawmesh/methods/v1/methods.ts'

interface InternalParts {
  mesh: MeshHost
  life: Pick<Lifecycle, 'unready' | 'away'>
  host: string
  httpPort: number
  grpcPort: number
}

/** Serves the HTTP routes and probes of a process's services. */
export const internalHttp = ({
  mesh,
  life,
  host,
  httpPort,
  drainLinked,
}: InternalParts & { drainLinked: () => Promise<void> }): Part & { port: () => number; lameDuck: () => void } => {
  const { log, config } = mesh
  const services = mesh.services().filter((service) => service.http !== undefined)
  const table = createRouteTable(services.flatMap(({ name }) => routesOf(name)))
  const answerProbe = createProbes(life)
  let server: DrainableServer | undefined
  let leaving = false

  return {
    name: 'internal http',
    port: () => server?.port ?? 0,
    lameDuck: () => {
      leaving = true
      server?.lameDuck()
    },
    start: async () => {
      server = await listen(
        (request, response) => {
          if (answerProbe(request, response)) return
          if (leaving) response.setHeader(leavingHeader, 'true')
          try {
            const route = table.find(request.method ?? '', request.url ?? '')
            services.find(({ name }) => name === route.service)!.http!(request, response)
          } catch (thrown) {
            sendError({ request, response, thrown, log })
          }
        },
        host,
        httpPort,
      )
    },
    // Requests first, however they came: their answers may need calls to this process.
    stop: async () => void (await Promise.all([server?.drain(config.drainTimeoutMs), drainLinked()])),
  }
}

/** What answers HTTP requests over links, by service. */
const exchangesOf = (mesh: MeshHost): ReadonlyMap<string, HttpExchange> =>
  new Map(mesh.services().flatMap(({ name, exchange }) => (exchange === undefined ? [] : [[name, exchange] as const])))

/** The WebSocket methods of a process's services, for edges elsewhere. */
const methodsOf = (mesh: MeshHost): RpcImplementation =>
  implementRpc(
    MethodsServiceService,
    createMethodsRpc((name) => mesh.services().find((service) => service.name === name)?.ws),
  )

/**
 * Serves the gRPC contracts of a process's services, and links to them; a process without any, as an edge alone is, does not
 * even load it.
 */
export const internalGrpc = ({
  mesh,
  host,
  grpcPort,
}: InternalParts): Part & { leave: () => void; drainHttp: () => Promise<void> } => {
  const { config, tokens, log } = mesh
  let server: RpcServer | undefined
  return {
    name: 'internal grpc',
    leave: () => server?.setServing(false),
    drainHttp: async () => server?.drainHttp(config.drainTimeoutMs),
    start: async () => {
      const contracts = mesh.services().flatMap(({ rpc }) => rpc ?? [])
      const http = exchangesOf(mesh)
      if (contracts.length === 0 && http.size === 0) return
      const { startRpcServer } = await import('@clawmesh/chassis/grpc-server')
      server = await startRpcServer({
        host,
        port: grpcPort,
        services: [...contracts, methodsOf(mesh)],
        http,
        tokens,
        log: log.child({ part: 'grpc' }),
        maxConnectionAgeMs: config.maxConnectionAgeMs,
        tls: config,
      })
      server.setServing(true)
    },
    stop: async () => server?.drain(config.drainTimeoutMs),
  }
}
