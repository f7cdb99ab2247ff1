/** Functions of a service that call it over the links to its replicas. */
import { MeshError } from '@clawmesh/contracts'
import type { IdentityTokens } from '../auth/identity-token.ts'
import { throwIfGone, type Call } from '../call.ts'
import { connectGrpc, isIdempotent, type RpcTimeouts } from '../grpc/client.ts'
import { deadlineOf } from '../grpc/deadline.ts'
import type { TlsSettings } from '../grpc/tls.ts'
import { serviceNameOf, type LooseFunctions, type RpcDefinition } from '../grpc/types.ts'
import { traced, traceHeaders, tracedStream } from '../telemetry/telemetry.ts'
import { beginExchange, type Exchange } from './exchange.ts'
import { countCall } from './metrics.ts'
import { NoLinkError, type LinkPool } from './pool.ts'

type Method = RpcDefinition[string]

/** Tries of a call that may be made twice, the first included. */
const maxTries = 3

export interface LinkOptions {
  /** To the service's replicas. */
  links: LinkPool
  /** The same replicas as gRPC names them, for those that have no links. */
  target: string
  tokens: IdentityTokens
  settings: RpcTimeouts & TlsSettings
}

const serialized = (method: Method, request: unknown): Buffer =>
  (method.requestSerialize as (value: unknown) => Buffer)(request)

/**
 * Functions of a service over links, and a way to hang up. A server that knows none, as one of an earlier release, is
 * called with plain gRPC.
 */
export const connectLinked = (
  definition: RpcDefinition,
  { links, target, tokens, settings }: LinkOptions,
): { functions: LooseFunctions; close: () => void } => {
  const service = serviceNameOf(definition)
  let plain: ReturnType<typeof connectGrpc> | undefined
  const plainly = (name: string) => (plain ??= connectGrpc(definition, target, tokens, settings)).functions[name]!

  const begin = async (name: string, method: Method, call: Call, request: unknown): Promise<Exchange> => {
    throwIfGone(call.signal)
    const identity = await tokens.mint(call.caller)
    throwIfGone(call.signal)
    const { requestId, clientIp = '', signal } = call
    const traceparent = traceHeaders()['traceparent'] ?? ''
    return beginExchange(links, {
      opening: { method: method.path, identity, requestId, clientIp, traceparent },
      signal,
      service,
      request: serialized(method, request),
      timeoutMs: deadlineOf(method, settings),
      tries: isIdempotent(name) ? maxTries : 1,
      count: (code) => countCall(method.path, code),
    })
  }

  const unary = async (name: string, method: Method, call: Call, request: unknown): Promise<unknown> => {
    const exchange = await begin(name, method, call, request)
    try {
      const response = await exchange.next()
      if (response === undefined) throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: service })
      return method.responseDeserialize(response)
    } catch (thrown) {
      if (thrown instanceof NoLinkError) return plainly(name)(call, request)
      throw thrown
    } finally {
      exchange.close()
    }
  }

  const streaming = async function* (name: string, method: Method, call: Call, request: unknown) {
    const exchange = await begin(name, method, call, request)
    try {
      for (;;) {
        const message = await exchange.next()
        if (message === undefined) return
        yield method.responseDeserialize(message)
      }
    } catch (thrown) {
      if (!(thrown instanceof NoLinkError)) throw thrown
      yield* plainly(name)(call, request) as AsyncIterable<unknown>
    } finally {
      exchange.close()
    }
  }

  return {
    functions: Object.fromEntries(
      Object.entries(definition).map(([name, method]) => {
        const work = { name: method.path.slice(1), kind: 'client', attributes: { 'rpc.system': 'grpc' } } as const
        return [
          name,
          method.responseStream
            ? (call: Call, request: unknown) => tracedStream(work, () => streaming(name, method, call, request))
            : (call: Call, request: unknown) => traced(work, () => unary(name, method, call, request)),
        ]
      }),
    ),
    close: () => plain?.close(),
  }
}
