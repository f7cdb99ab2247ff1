/** Clients of internal services in other processes: deadlines, retries of idempotent calls, balancing. */
import { Client, Metadata, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js'
import { MeshError } from '@clawmesh/contracts'
import { identityHeader, type IdentityTokens } from '../auth/identity-token.ts'
import { clientIpHeader, throwIfGone, type Call } from '../call.ts'
import { traced, traceHeaders, tracedStream } from '../telemetry/telemetry.ts'
import { deadlineOf, type RpcTimeouts } from './deadline.ts'
import { fromStatus } from './status.ts'
import { clientCredentials, type TlsSettings } from './tls.ts'
import { fullServiceName, serviceNameOf, type LooseFunctions, type RpcDefinition } from './types.ts'

/** Whether a method may be repeated: those that only read may, which their names say. */
export const isIdempotent = (name: string): boolean => /^(get|list|resolve|search|embed)/.test(name)

export type { RpcTimeouts }

const serviceConfig = (definition: RpcDefinition): string =>
  JSON.stringify({
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: [
      {
        name: Object.entries(definition)
          .filter(([name]) => isIdempotent(name))
          .map(([, method]) => ({ service: fullServiceName(definition), method: method.path.split('/')[2] })),
        retryPolicy: {
          maxAttempts: 3,
          initialBackoff: '0.05s',
          maxBackoff: '0.5s',
          backoffMultiplier: 2,
          retryableStatusCodes: ['UNAVAILABLE'],
        },
      },
    ],
  })

/** Functions of a service that call it over gRPC, and a way to hang up. */
export const connectGrpc = (
  definition: RpcDefinition,
  target: string,
  tokens: IdentityTokens,
  settings: RpcTimeouts & TlsSettings,
): { functions: LooseFunctions; close: () => void } => {
  const service = serviceNameOf(definition)
  const client = new Client(target, clientCredentials(settings), {
    'grpc.service_config': serviceConfig(definition),
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.max_receive_message_length': 33_554_432,
    'grpc.max_send_message_length': 33_554_432,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    'grpc.dns_min_time_between_resolutions_ms': 5_000,
  })

  const metadataOf = async (call: Call): Promise<Metadata> => {
    const metadata = new Metadata()
    metadata.set(identityHeader, await tokens.mint(call.caller))
    metadata.set('x-request-id', call.requestId)
    if (call.clientIp !== undefined) metadata.set(clientIpHeader, call.clientIp)
    for (const [name, value] of Object.entries(traceHeaders())) metadata.set(name, value)
    return metadata
  }

  const unary = (method: RpcDefinition[string]) => async (call: Call, request: unknown) => {
    throwIfGone(call.signal)
    const metadata = await metadataOf(call)
    throwIfGone(call.signal)
    return new Promise<unknown>((resolve, reject) => {
      const started = client.makeUnaryRequest(
        method.path,
        method.requestSerialize as (value: unknown) => Buffer,
        method.responseDeserialize,
        request,
        metadata,
        { deadline: Date.now() + deadlineOf(method, settings) },
        (error: ServiceError | null, response?: unknown) => {
          call.signal.removeEventListener('abort', cancel)
          if (error === null) resolve(response)
          else reject(fromStatus(error, service))
        },
      )
      const cancel = () => started.cancel()
      call.signal.addEventListener('abort', cancel, { once: true })
    })
  }

  const streaming = (method: RpcDefinition[string]) =>
    async function* (call: Call, request: unknown): AsyncGenerator<unknown> {
      throwIfGone(call.signal)
      const stream: ClientReadableStream<unknown> = client.makeServerStreamRequest(
        method.path,
        method.requestSerialize as (value: unknown) => Buffer,
        method.responseDeserialize,
        request,
        await metadataOf(call),
        { deadline: Date.now() + deadlineOf(method, settings) },
      )
      const cancel = () => stream.cancel()
      let ended = false
      call.signal.addEventListener('abort', cancel, { once: true })
      try {
        if (call.signal.aborted) throw new MeshError('CANCELLED', 'error.cancelled')
        yield* stream
        ended = true
      } catch (thrown) {
        throw fromStatus(thrown, service)
      } finally {
        call.signal.removeEventListener('abort', cancel)
        if (!ended) stream.cancel()
      }
    }

  return {
    functions: Object.fromEntries(
      Object.entries(definition).map(([name, method]) => {
        const work = { name: method.path.slice(1), kind: 'client', attributes: { 'rpc.system': 'grpc' } } as const
        const [stream, single] = [streaming(method), unary(method)]
        return [
          name,
          method.responseStream
            ? (call: Call, request: unknown) => tracedStream(work, () => stream(call, request))
            : (call: Call, request: unknown) => traced(work, () => single(call, request)),
        ]
      }),
    ),
    close: () => client.close(),
  }
}
