/** MeshErrors between processes: the status says the class, a detail carries the rest. */
import { databaseError } from '../db/database.ts'
import { cutText } from '../text/cut.ts'
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
      typeof value === 'string' ? cutText(value, longestText).toWellFormed() : value,
    ]),
  )

interface RpcErrorDetail {
  code: ErrorCode
  key: MessageKey
  params: ErrorParams
  retryAfterMs?: number
}

/** How a call failed, whatever carries it. */
export interface RpcStatus {
  /** As of gRPC. */
  code: number
  details: string
  /** The mesh's own account of it, JSON; empty when a transport failed. */
  error: Buffer
}

/** What is sent of a thrown value. */
export const statusOf = (thrown: unknown): RpcStatus => {
  const error = toMeshError(databaseError(thrown))
  const detail: RpcErrorDetail = {
    code: error.code,
    key: error.key,
    params: shortened(error.params),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  }
  return { code: errorKinds[error.code].grpc, details: error.code, error: Buffer.from(JSON.stringify(detail)) }
}

/** The same as grpc-js sends it. */
export const toStatus = (thrown: unknown): { code: number; details: string; metadata: Metadata } => {
  const { code, details, error } = statusOf(thrown)
  const metadata = new Metadata()
  metadata.set(trailer, error)
  return { code, details, metadata }
}

/** The error of a failed call, as the other side threw it, or what the transport's status means. */
export const errorOf = ({ code, error }: Pick<RpcStatus, 'code' | 'error'>, service: string, cause: unknown) => {
  if (error.length > 0) {
    const { code: sent, key, params, retryAfterMs } = JSON.parse(error.toString()) as RpcErrorDetail
    return new MeshError(sent, key, params, { cause, retryAfterMs })
  }
  const is = (status: grpcStatus): boolean => code === Number(status)
  if (is(grpcStatus.DEADLINE_EXCEEDED))
    return new MeshError('AGENT_TIMEOUT', 'error.timeout', { what: service }, { cause })
  if (is(grpcStatus.CANCELLED)) return new MeshError('CANCELLED', 'error.cancelled', {}, { cause })
  if (is(grpcStatus.UNAUTHENTICATED)) return new MeshError('UNAUTHORIZED', 'error.unauthorized', {}, { cause })
  return new MeshError('UNAVAILABLE', 'error.unavailable', { what: service }, { cause })
}

const isServiceError = (thrown: unknown): thrown is ServiceError =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' && 'metadata' in thrown

/** The error of a call that grpc-js says has failed. */
export const fromStatus = (thrown: unknown, service: string): MeshError => {
  if (!isServiceError(thrown)) return toMeshError(thrown)
  const [sent] = thrown.metadata?.get(trailer) ?? []
  return errorOf({ code: thrown.code, error: Buffer.from(sent ?? '') }, service, thrown)
}

/** Whether a call failed as the other side does not know its method: it runs another release. */
export const isUnknownMethod = (thrown: unknown): boolean =>
  thrown instanceof MeshError &&
  (thrown.cause as { code?: unknown } | undefined)?.code === Number(grpcStatus.UNIMPLEMENTED)
