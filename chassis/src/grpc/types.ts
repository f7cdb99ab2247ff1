/** One type for both ends of an internal service: what a server implements is what its client offers. */
import type { Call } from '../call.ts'
import type { RemoteService } from '../config.ts'

type AnyMethod = {
  path: string
  responseStream: boolean
  requestStream: boolean
  requestSerialize: (value: never) => Buffer
  requestDeserialize: (bytes: Buffer) => unknown
  responseSerialize: (value: never) => Buffer
  responseDeserialize: (bytes: Buffer) => unknown
}

/** A service as ts-proto declares it for grpc-js. */
export type RpcDefinition = Readonly<Record<string, AnyMethod>>

type RequestOf<M> = M extends { requestDeserialize: (bytes: Buffer) => infer Q } ? Q : never
type ResponseOf<M> = M extends { responseDeserialize: (bytes: Buffer) => infer R } ? R : never

/** The functions of a service: unary ones give a promise, streaming ones an async iterable. */
export type RpcFunctions<D extends RpcDefinition> = {
  [K in keyof D]: (
    call: Call,
    request: RequestOf<D[K]>,
  ) => D[K] extends { responseStream: true } ? AsyncIterable<ResponseOf<D[K]>> : Promise<ResponseOf<D[K]>>
}

export type LooseFunctions = Record<string, (call: Call, request: unknown) => Promise<unknown> | AsyncIterable<unknown>>

/** `agents` of `/clawmesh.agents.v1.AgentsService/ResolveAgent`. */
export const serviceNameOf = (definition: RpcDefinition): RemoteService =>
  Object.values(definition)[0]!.path.split('.')[1] as RemoteService
/** `clawmesh.agents.v1.AgentsService`. */
export const fullServiceName = (definition: RpcDefinition): string => Object.values(definition)[0]!.path.split('/')[1]!
