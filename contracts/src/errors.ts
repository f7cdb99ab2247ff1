/** Every error the mesh can answer with: one table that HTTP, gRPC and WebSocket answers derive from. */
import { translate, type Locale, type MessageKey } from './messages/index.ts'

interface ErrorKind {
  /** The code clients see. */
  wire: string
  /** HTTP status. */
  status: number
  /** gRPC status code number. */
  grpc: number
  retryable: boolean
  /** Pause to suggest when none is known better, milliseconds. */
  retryAfterMs?: number
  /** `error.type` on the OpenAI-compatible endpoints. */
  openai: string
}

export const errorKinds = {
  UNAUTHORIZED: { wire: 'UNAUTHORIZED', status: 401, grpc: 16, retryable: false, openai: 'invalid_request_error' },
  FORBIDDEN: { wire: 'UNAUTHORIZED', status: 403, grpc: 7, retryable: false, openai: 'invalid_request_error' },
  TENANT_ACCESS_REVOKED: {
    wire: 'TENANT_ACCESS_REVOKED',
    status: 403,
    grpc: 7,
    retryable: false,
    openai: 'invalid_request_error',
  },
  INVALID_REQUEST: { wire: 'INVALID_REQUEST', status: 400, grpc: 3, retryable: false, openai: 'invalid_request_error' },
  METHOD_NOT_ALLOWED: {
    wire: 'INVALID_REQUEST',
    status: 405,
    grpc: 12,
    retryable: false,
    openai: 'invalid_request_error',
  },
  PAYLOAD_TOO_LARGE: {
    wire: 'INVALID_REQUEST',
    status: 413,
    grpc: 3,
    retryable: false,
    openai: 'invalid_request_error',
  },
  TOOL_ERROR: { wire: 'TOOL_ERROR', status: 400, grpc: 9, retryable: false, openai: 'invalid_request_error' },
  NOT_FOUND: { wire: 'NOT_FOUND', status: 404, grpc: 5, retryable: false, openai: 'not_found_error' },
  ALREADY_EXISTS: { wire: 'ALREADY_EXISTS', status: 409, grpc: 6, retryable: false, openai: 'invalid_request_error' },
  FAILED_PRECONDITION: {
    wire: 'FAILED_PRECONDITION',
    status: 412,
    grpc: 9,
    retryable: false,
    openai: 'invalid_request_error',
  },
  RESOURCE_EXHAUSTED: {
    wire: 'RESOURCE_EXHAUSTED',
    status: 429,
    grpc: 8,
    retryable: true,
    retryAfterMs: 60_000,
    openai: 'rate_limit_error',
  },
  CANCELLED: { wire: 'UNAVAILABLE', status: 499, grpc: 1, retryable: true, openai: 'server_error' },
  UNAVAILABLE: {
    wire: 'UNAVAILABLE',
    status: 503,
    grpc: 14,
    retryable: true,
    retryAfterMs: 1_000,
    openai: 'server_error',
  },
  AGENT_TIMEOUT: { wire: 'AGENT_TIMEOUT', status: 504, grpc: 4, retryable: true, openai: 'server_error' },
  INTERNAL: { wire: 'INTERNAL', status: 500, grpc: 13, retryable: false, openai: 'server_error' },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorKinds
export type ErrorParams = Record<string, string | number>

/** The one error that crosses rooms: a code, and a message to be worded in the reader's language. */
export class MeshError extends Error {
  readonly code: ErrorCode
  readonly key: MessageKey
  readonly params: ErrorParams
  /** Milliseconds after which the call is worth repeating. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: ErrorCode,
    key: MessageKey,
    params: ErrorParams = {},
    options: { cause?: unknown; retryAfterMs?: number | undefined } = {},
  ) {
    super(translate('en', key, params), options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MeshError'
    this.code = code
    this.key = key
    this.params = params
    const kind: ErrorKind = errorKinds[code]
    this.retryAfterMs = options.retryAfterMs ?? kind.retryAfterMs
  }
}

/** Any thrown value as a MeshError; what is not one already becomes INTERNAL with the value kept as its cause. */
export const toMeshError = (thrown: unknown): MeshError =>
  thrown instanceof MeshError ? thrown : new MeshError('INTERNAL', 'error.internal', {}, { cause: thrown })

/** The HTTP body of an error. `openai` nests it as OpenAI's clients expect. */
export const errorBody = (error: MeshError, locale: Locale, style: 'mesh' | 'openai' = 'mesh'): object => {
  const kind: ErrorKind = errorKinds[error.code]
  const message = translate(locale, error.key, error.params)
  if (style === 'openai')
    return { error: { message, type: kind.openai, code: kind.wire, param: error.params['field'] ?? null } }
  return {
    error: message,
    code: kind.wire,
    retryable: kind.retryable,
    ...(kind.retryable && error.retryAfterMs !== undefined ? { retryAfterMs: error.retryAfterMs } : {}),
  }
}
