/** MeshErrors over gRPC: the status says the class, a trailer carries the rest. */
import { databaseError } from '../db/database.ts'
import { Metadata, status as grpcStatus, type ServiceError } from '@grpc/grpc-js'
import {
  errorKinds,
  MeshError,
  toMeshError,
  type ErrorCode,
  type ErrorParams,
  type MessageKey,
} from '@clawmesh/contracts'

const trailer = 'mesh-error-bin'
/** Longer texts would not fit the headers that carry them, and then the whole error is lost. */
const longestText = 2_000

const shortened = (params: ErrorParams): ErrorParams =>
  Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.slice(0, longestText).toWellFormed() : value,
    ]),
  )

interface RpcErrorDetail {
  code: ErrorCode
  key: MessageKey
  params: ErrorParams
  retryAfterMs?: number
}

/** What grpc-js sends for a thrown value. */
export const toStatus = (thrown: unknown): { code: number; details: string; metadata: Metadata } => {
  const error = toMeshError(databaseError(thrown))
  const detail: RpcErrorDetail = {
    code: error.code,
    key: error.key,
    params: shortened(error.params),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  }
  const metadata = new Metadata()
  metadata.set(trailer, Buffer.from(JSON.stringify(detail)))
  return { code: errorKinds[error.code].grpc, details: error.code, metadata }
}

const isServiceError = (thrown: unknown): thrown is ServiceError =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' && 'metadata' in thrown

/** The error of a failed call, as the other side threw it, or what the transport's status means. */
export const fromStatus = (thrown: unknown, service: string): MeshError => {
  if (!isServiceError(thrown)) return toMeshError(thrown)
  const [sent] = thrown.metadata?.get(trailer) ?? []
  if (sent !== undefined) {
    const { code, key, params, retryAfterMs } = JSON.parse(sent.toString()) as RpcErrorDetail
    return new MeshError(code, key, params, { cause: thrown, retryAfterMs })
  }
  if (thrown.code === grpcStatus.DEADLINE_EXCEEDED)
    return new MeshError('AGENT_TIMEOUT', 'error.timeout', { what: service }, { cause: thrown })
  if (thrown.code === grpcStatus.CANCELLED) return new MeshError('CANCELLED', 'error.cancelled', {}, { cause: thrown })
  if (thrown.code === grpcStatus.UNAUTHENTICATED)
    return new MeshError('UNAUTHORIZED', 'error.unauthorized', {}, { cause: thrown })
  return new MeshError('UNAVAILABLE', 'error.unavailable', { what: service }, { cause: thrown })
}
