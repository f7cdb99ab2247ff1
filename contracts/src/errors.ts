/** Every error the mesh can answer with: one table that HTTP, gRPC and WebSocket answers derive from. */
import { translate, type Locale, type MessageKey } from './messages/index.ts'

interface ErrorKind {
  /** The code clients see. */
  code: string
  /** HTTP status. */
  status: number
  /** gRPC status code number. */
  grpc: number
  retryable: boolean
  /** Pause to suggest where the true wait cannot be known, milliseconds. */
  retryAfterMs?: number
  /** `error.type` on the OpenAI-compatible endpoints. */
  openai: string
  /** `error.code` on the OpenAI-compatible endpoints, where it is not the code above. */
  openaiCode?: string
  /** `error.type` on the routes of Anthropic's dialect. */
  anthropic: string
  /** The text of the example in the API documentation. */
  example: MessageKey
  /** When it is answered, for the API documentation. */
  about: string
}

export const errorKinds = {
  UNAUTHORIZED: {
    code: 'UNAUTHORIZED',
    status: 401,
    grpc: 16,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'authentication_error',
    example: 'error.unauthorized',
    about: 'No credential, or one that is unknown, revoked or expired',
  },
  FORBIDDEN: {
    code: 'UNAUTHORIZED',
    status: 403,
    grpc: 7,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'permission_error',
    example: 'error.permission_denied',
    about: 'The credential is good, but its role or scope is not enough',
  },
  TENANT_ACCESS_REVOKED: {
    code: 'TENANT_ACCESS_REVOKED',
    status: 403,
    grpc: 7,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'permission_error',
    example: 'error.tenant_access_revoked',
    about: 'The tenant is closed, or the caller is no member of it',
  },
  INVALID_REQUEST: {
    code: 'INVALID_REQUEST',
    status: 400,
    grpc: 3,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    example: 'error.invalid_request',
    about: 'The path, a header, the query or the body is malformed; the text names the field',
  },
  METHOD_NOT_ALLOWED: {
    code: 'INVALID_REQUEST',
    status: 405,
    grpc: 12,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    example: 'error.method_not_allowed',
    about: 'The path does not take this method; Allow lists those it takes',
  },
  PAYLOAD_TOO_LARGE: {
    code: 'INVALID_REQUEST',
    status: 413,
    grpc: 3,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'request_too_large',
    example: 'error.body_too_large',
    about: 'The body is larger than the operation takes',
  },
  REQUEST_TIMEOUT: {
    code: 'INVALID_REQUEST',
    status: 408,
    grpc: 4,
    retryable: true,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    example: 'error.request_timeout',
    about: 'The request came too slowly',
  },
  HEADERS_TOO_LARGE: {
    code: 'INVALID_REQUEST',
    status: 431,
    grpc: 3,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    example: 'error.headers_too_large',
    about: 'The headers are too large or too many',
  },
  TOOL_ERROR: {
    code: 'TOOL_ERROR',
    status: 400,
    grpc: 9,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    example: 'error.tool_failed',
    about: 'The tool ran and failed',
  },
  NOT_FOUND: {
    code: 'NOT_FOUND',
    status: 404,
    grpc: 5,
    retryable: false,
    openai: 'not_found_error',
    anthropic: 'not_found_error',
    example: 'error.not_found',
    about: 'There is no such thing in the tenant of the caller, or no such tenant',
  },
  ALREADY_EXISTS: {
    code: 'ALREADY_EXISTS',
    status: 409,
    grpc: 6,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    example: 'error.already_exists',
    about: 'The name is taken',
  },
  FAILED_PRECONDITION: {
    code: 'FAILED_PRECONDITION',
    status: 412,
    grpc: 9,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    example: 'error.api_key_ended',
    about: 'The thing is not in a state that allows this',
  },
  IDEMPOTENCY_KEY_IN_USE: {
    code: 'FAILED_PRECONDITION',
    status: 409,
    grpc: 10,
    retryable: true,
    retryAfterMs: 1_000,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    example: 'error.idempotency_key_in_use',
    about: 'The first request with this Idempotency-Key is still running',
  },
  IDEMPOTENCY_KEY_REUSED: {
    code: 'INVALID_REQUEST',
    status: 422,
    grpc: 3,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    example: 'error.idempotency_key_reused',
    about: 'The Idempotency-Key was used for another request, or for one whose answer was too large to be kept',
  },
  RESOURCE_EXHAUSTED: {
    code: 'RESOURCE_EXHAUSTED',
    status: 429,
    grpc: 8,
    retryable: true,
    openai: 'rate_limit_error',
    anthropic: 'rate_limit_error',
    example: 'error.rate_limit',
    about: 'Too much was started, or asked for; where the wait is known it is told',
  },
  QUOTA_EXHAUSTED: {
    code: 'RESOURCE_EXHAUSTED',
    status: 429,
    grpc: 8,
    retryable: false,
    openai: 'insufficient_quota',
    anthropic: 'billing_error',
    openaiCode: 'insufficient_quota',
    example: 'error.provider_quota',
    about: 'What may be spent is spent; asking again is of no use',
  },
  UNSUPPORTED_PARAMETER: {
    code: 'INVALID_REQUEST',
    status: 400,
    grpc: 3,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    openaiCode: 'unsupported_parameter',
    example: 'error.unsupported_parameter',
    about: 'The mesh, or the provider that serves the agent, cannot honour a parameter of the request',
  },
  UNKNOWN_PARAMETER: {
    code: 'INVALID_REQUEST',
    status: 400,
    grpc: 3,
    retryable: false,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    openaiCode: 'unknown_parameter',
    example: 'error.parameter_unknown',
    about: 'The request has a parameter that the protocol does not know',
  },
  CANCELLED: {
    code: 'UNAVAILABLE',
    status: 499,
    grpc: 1,
    retryable: true,
    openai: 'server_error',
    anthropic: 'api_error',
    example: 'error.cancelled',
    about: 'The request was cancelled',
  },
  UNAVAILABLE: {
    code: 'UNAVAILABLE',
    status: 503,
    grpc: 14,
    retryable: true,
    retryAfterMs: 1_000,
    openai: 'server_error',
    anthropic: 'overloaded_error',
    example: 'error.unavailable',
    about: 'A part that is needed does not answer',
  },
  AGENT_TIMEOUT: {
    code: 'AGENT_TIMEOUT',
    status: 504,
    grpc: 4,
    retryable: true,
    openai: 'server_error',
    anthropic: 'timeout_error',
    example: 'error.timeout',
    about: 'A part that is needed did not answer in time',
  },
  INTERNAL: {
    code: 'INTERNAL',
    status: 500,
    grpc: 13,
    retryable: false,
    openai: 'server_error',
    anthropic: 'api_error',
    example: 'error.internal',
    about: 'A fault of the mesh; the log has it under the request id',
  },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorKinds
export type ErrorParams = Record<string, string | number>

/** The one error that crosses services: a code, and a message to be worded in the reader's language. */
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

/** Whether and when a request that ended with an error is worth repeating. */
export interface Retry {
  retryable: boolean
  /** Whole milliseconds; only where it is worth repeating and the wait is known. */
  retryAfterMs?: number
}

/** @returns what an error says about repeating its request, in bodies and in headers */
export const retryOf = ({ code, retryAfterMs }: MeshError): Retry => {
  const { retryable } = errorKinds[code]
  return { retryable, ...(retryable && retryAfterMs !== undefined ? { retryAfterMs: Math.ceil(retryAfterMs) } : {}) }
}

/**
 * The shape of an error's body. `openai` and `anthropic` nest it as the clients of those expect, `text` is what clawgo's show
 * as it is.
 */
export type ErrorStyle = 'mesh' | 'openai' | 'anthropic' | 'text'

/** What clients of clawgo's API are told in words that do not change with the language, by message or else by code. */
const plainTexts: Partial<Record<MessageKey | ErrorCode, string>> = {
  'error.route_not_found': '404 page not found',
  'error.invalid_json': 'invalid json',
  'error.invalid_path': 'invalid path',
  'error.file_not_found': 'file does not exist',
  UNAUTHORIZED: 'unauthorized',
  FORBIDDEN: 'forbidden',
  METHOD_NOT_ALLOWED: 'method not allowed',
}

/** The HTTP body of an error in clawgo's API: a line of text. */
export const errorLine = ({ key, code, params }: MeshError, locale: Locale): string =>
  `${plainTexts[key] ?? plainTexts[code] ?? translate(locale, key, params)}\n`

/** The HTTP body of an error, where it is JSON. Anthropic's shape has the id of the request in it. */
export const errorBody = (
  error: MeshError,
  locale: Locale,
  style: Exclude<ErrorStyle, 'text'> = 'mesh',
  requestId: string | null = null,
): object => {
  const kind: ErrorKind = errorKinds[error.code]
  const message = translate(locale, error.key, error.params)
  if (style === 'openai')
    return {
      error: { message, type: kind.openai, code: kind.openaiCode ?? kind.code, param: error.params['field'] ?? null },
    }
  if (style === 'anthropic') return { type: 'error', error: { type: kind.anthropic, message }, request_id: requestId }
  return { error: message, code: kind.code, ...retryOf(error) }
}
