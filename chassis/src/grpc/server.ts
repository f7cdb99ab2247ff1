/** The gRPC server of a process: its services, health checking and reflection. */
import type { Metadata } from '@grpc/grpc-js'
import {
  Server,
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import { MeshError } from '@clawmesh/contracts'
import { LinkServiceService } from '@clawmesh/contracts/gen/clawmesh/link/v1/link.ts'
import { identityHeader, type IdentityTokens } from '../auth/identity-token.ts'
import { clientIpHeader, clientIpIn, type Call } from '../call.ts'
import type { HttpExchange } from '../http/exchange.ts'
import { serveHttp } from '../link/http-answer.ts'
import { createLinkServer } from '../link/server.ts'
import type { Logger } from '../log/logger.ts'
import { waitForDrain } from '../http/drained.ts'
import { traced, tracedStream } from '../telemetry/telemetry.ts'
import { addReflection } from './reflection.ts'
import { toStatus } from './status.ts'
import { serverCredentials, type TlsSettings } from './tls.ts'
import { fullServiceName, type LooseFunctions, type RpcDefinition } from './types.ts'

export interface RpcServer {
  readonly port: number
  setServing: (serving: boolean) => void
  /** Takes no more HTTP requests over links and waits for open ones, at most `timeoutMs`; what is left ends with an error. */
  drainHttp: (timeoutMs: number) => Promise<void>
  /** Refuses new calls and waits for open ones, at most `timeoutMs`. */
  drain: (timeoutMs: number) => Promise<void>
}

interface RpcServerParts {
  host: string
  port: number
  services: readonly { definition: RpcDefinition; functions: LooseFunctions }[]
  /** What answers HTTP requests over links, by service. */
  http?: ReadonlyMap<string, HttpExchange>
  tokens: IdentityTokens
  log: Logger
  maxConnectionAgeMs: number
  /** How often a client that says nothing is asked for a sign of life. */
  keepaliveMs?: number | undefined
  /** Plain unless given. */
  tls?: TlsSettings
}

const text = (metadata: Metadata, name: string): string => String(metadata.get(name)[0] ?? '')

const carrierOf = (metadata: Metadata): Record<string, string> => ({ traceparent: text(metadata, 'traceparent') })

const callOf = async (metadata: Metadata, signal: AbortSignal, tokens: IdentityTokens): Promise<Call> => {
  const token = text(metadata, identityHeader)
  if (token === '') throw new MeshError('UNAUTHORIZED', 'error.unauthorized')
  return {
    caller: await tokens.verify(token),
    requestId: text(metadata, 'x-request-id'),
    signal,
    ...clientIpIn(text(metadata, clientIpHeader)),
  }
}

const send = async (stream: ServerWritableStream<unknown, unknown>, message: unknown): Promise<void> => {
  if (stream.write(message)) return
  await waitForDrain(stream, 'cancelled')
}

/** Starts a gRPC server for the given services. */
export const startRpcServer = async (parts: RpcServerParts): Promise<RpcServer> => {
  const { services, tokens, log } = parts
  // No age of connections here: one that HTTP/2 ends takes no more pings, and grpc-js then cuts what is under way on it at
  // the next one. Links have an age of their own.
  const server = new Server({
    'grpc.keepalive_time_ms': parts.keepaliveMs ?? 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.max_receive_message_length': 33_554_432,
    'grpc.max_send_message_length': 33_554_432,
  })

  let draining = false
  const refuseWhileDraining = (): void => {
    if (draining) throw new MeshError('UNAVAILABLE', 'error.shutting_down')
  }
  const failed = (thrown: unknown, path: string) => {
    const status = toStatus(thrown)
    log[status.details === 'INTERNAL' ? 'error' : 'debug']({ err: thrown, path }, 'call failed')
    return status
  }

  const streaming =
    (path: string, run: LooseFunctions[string]): handleServerStreamingCall<unknown, unknown> =>
    async (stream) => {
      const abort = new AbortController()
      let over = false
      // Emitted when the stream closes, however it ended.
      stream.on('cancelled', () => {
        if (!over) abort.abort(new MeshError('CANCELLED', 'error.cancelled'))
      })
      try {
        refuseWhileDraining()
        const call = await callOf(stream.metadata, abort.signal, tokens)
        const work = { name: path.slice(1), kind: 'server', carrier: carrierOf(stream.metadata) } as const
        for await (const message of tracedStream(work, () => run(call, stream.request) as AsyncIterable<unknown>)) {
          if (abort.signal.aborted) break
          await send(stream, message)
        }
        over = !abort.signal.aborted
        stream.end()
      } catch (thrown) {
        stream.emit('error', failed(thrown, path))
      }
    }

  const unary =
    (path: string, run: LooseFunctions[string]): handleUnaryCall<unknown, unknown> =>
    (incoming, callback) => {
      const abort = new AbortController()
      incoming.on('cancelled', () => abort.abort(new MeshError('CANCELLED', 'error.cancelled')))
      const begun = async () => {
        refuseWhileDraining()
        return callOf(incoming.metadata, abort.signal, tokens)
      }
      begun()
        .then((call) =>
          traced(
            { name: path.slice(1), kind: 'server', carrier: carrierOf(incoming.metadata) },
            () => run(call, incoming.request) as Promise<unknown>,
          ),
        )
        .then(
          (response) => callback(null, response),
          (thrown: unknown) => callback(failed(thrown, path)),
        )
    }

  const http = serveHttp(parts.http ?? new Map<string, HttpExchange>(), tokens)
  const links = createLinkServer({ services, http, tokens, log, maxAgeMs: parts.maxConnectionAgeMs })
  const link: handleBidiStreamingCall<Buffer, Buffer> = (stream) => {
    tokens.verify(text(stream.metadata, identityHeader)).then(
      () => links.accept(stream),
      (thrown: unknown) => stream.emit('error', failed(thrown, LinkServiceService.link.path)),
    )
  }
  // Batches are read and written by hand.
  const same = (bytes: Buffer): Buffer => bytes
  server.addService(
    { link: { ...LinkServiceService.link, requestDeserialize: same, responseSerialize: same } },
    { link },
  )

  for (const { definition, functions } of services)
    server.addService(
      definition as unknown as Parameters<Server['addService']>[0],
      Object.fromEntries(
        Object.entries(definition).map(([name, { path, responseStream }]) => [
          name,
          (responseStream ? streaming : unary)(path, functions[name]!),
        ]),
      ),
    )

  const names = [
    '',
    fullServiceName(LinkServiceService),
    ...services.map(({ definition }) => fullServiceName(definition)),
  ]
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, 'NOT_SERVING'])))
  health.addToServer(server)
  addReflection(server)

  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`${parts.host}:${parts.port}`, serverCredentials(parts.tls ?? {}), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )

  return {
    port,
    setServing: (serving) => {
      for (const name of names) health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING')
      if (!serving) links.leave()
    },
    drainHttp: http.drain,
    drain: (timeoutMs) =>
      new Promise<void>((resolve) => {
        draining = true
        const cut = setTimeout(() => server.forceShutdown(), timeoutMs)
        const shutDown = () =>
          server.tryShutdown(() => {
            clearTimeout(cut)
            resolve()
          })
        // Links first, as their connections must not be closing while calls are under way.
        void links.drain().then(shutDown)
      }),
  }
}
