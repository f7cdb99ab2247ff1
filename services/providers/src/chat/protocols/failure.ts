/** What can go wrong with an upstream call, and the error it becomes for the caller. */
import { MeshError, type ErrorCode, type MessageKey } from '@clawmesh/contracts'
import { boundedText } from './bounds.ts'
import { objectOf, parseJson } from './json.ts'
import { readVendorError, type VendorError } from './vendor-error.ts'

const kinds = {
  credentials: { code: 'FAILED_PRECONDITION', key: 'error.provider_credentials' },
  rejected: { code: 'INVALID_REQUEST', key: 'error.provider_rejected' },
  missing: { code: 'NOT_FOUND', key: 'error.provider_rejected' },
  rate_limit: { code: 'RESOURCE_EXHAUSTED', key: 'error.provider_rate_limit' },
  quota: { code: 'QUOTA_EXHAUSTED', key: 'error.provider_quota' },
  failed: { code: 'UNAVAILABLE', key: 'error.provider_request_failed' },
  timeout: { code: 'AGENT_TIMEOUT', key: 'error.provider_timeout' },
  cut: { code: 'UNAVAILABLE', key: 'error.stream_cut' },
  cancelled: { code: 'CANCELLED', key: 'error.cancelled' },
} as const satisfies Record<string, { code: ErrorCode; key: MessageKey }>

export type FailureKind = keyof typeof kinds

/** How a call failed, told by the error that its caller got; undefined for what no upstream is to blame for. */
export const failureKindOf = (thrown: unknown): FailureKind | undefined => {
  if (!(thrown instanceof MeshError)) return undefined
  const found = Object.entries(kinds).find(([, { code, key }]) => thrown.key === key && thrown.code === code)
  return found?.[0] as FailureKind | undefined
}

export interface FailureDetail {
  /** Worth another try, as long as nothing of the answer was delivered. */
  retryable?: boolean
  /** The pause upstream asked for, milliseconds. */
  retryAfterMs?: number | undefined
  status?: number
  cause?: unknown
}

/** An upstream call that did not end well. Lives inside the domain; callers see the MeshError made of it. */
export class UpstreamFailure extends Error {
  readonly kind: FailureKind
  readonly detail: FailureDetail

  constructor(kind: FailureKind, reason: string, detail: FailureDetail = {}) {
    super(reason, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.name = 'UpstreamFailure'
    this.kind = kind
    this.detail = detail
  }
}

const longestReason = 300

/** A text without the given secrets and without anything that looks like a key. */
export const scrub = (text: string, secrets: readonly string[]): string => {
  let clean = text
  for (const secret of secrets) if (secret.length >= 4) clean = clean.replaceAll(secret, '***')
  return clean
    .replace(/\b(bearer\s+)[\w.~+/=-]{8,}/gi, '$1***')
    .replace(/\b(?:sk|pk|gsk|xai|key)-[\w-]{8,}/gi, '***')
    .replace(/\bAIza[\w-]{16,}/g, '***')
    .replace(/([?&](?:api_?)?key=)[^&\s"']+/gi, '$1***')
}

/** Scrubbing looks at no more than this of a text, characters. */
const longestScrubbed = 4_000

/** A cut text without the beginning of a secret at its end, which scrubbing would not find. */
const withoutCutSecret = (text: string, secrets: readonly string[]): string => {
  for (const secret of secrets)
    for (let length = Math.min(secret.length - 1, text.length); length >= 4; length--)
      if (text.endsWith(secret.slice(0, length))) return text.slice(0, -length)
  return text
}

/** A foreign text made fit for an error message: one line, no secrets, at most 300 characters. */
export const safeReason = (text: string, secrets: readonly string[]): string => {
  const bounded =
    text.length > longestScrubbed ? withoutCutSecret(boundedText(text, longestScrubbed), secrets) : text.toWellFormed()
  const line = scrub(bounded, secrets)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return line.length > longestReason ? `${boundedText(line, longestReason - 1)}…` : line
}

/** The error of a failed call as the caller of the mesh gets it. Neither its text nor its cause holds a secret. */
export const toProviderError = (thrown: unknown, provider: string, secrets: readonly string[]): unknown => {
  if (!(thrown instanceof UpstreamFailure)) return thrown
  const { code, key } = kinds[thrown.kind]
  const reason = safeReason(thrown.message, secrets)
  return new MeshError(
    code,
    key,
    { provider, reason },
    { cause: reason, retryAfterMs: thrown.detail.retryAfterMs || undefined },
  )
}

const retryableStatuses = new Set([429, 500, 502, 503, 504, 529])
const statusKinds: Record<number, FailureKind> = {
  401: 'credentials',
  402: 'quota',
  403: 'credentials',
  404: 'missing',
  408: 'failed',
  429: 'rate_limit',
}

const kindOfStatus = (status: number): FailureKind =>
  statusKinds[status] ?? (status >= 400 && status < 500 ? 'rejected' : 'failed')

/** Words vendors put into `error.type` or `error.code`, as the status they stand for. */
const statusOfWord: Record<string, number> = {
  authentication_error: 401,
  authenticationerror: 401,
  invalid_api_key: 401,
  unauthenticated: 401,
  permission_error: 403,
  permission_denied: 403,
  billing_error: 402,
  not_found_error: 404,
  not_found: 404,
  notfounderror: 404,
  model_not_found: 404,
  request_too_large: 413,
  invalid_request_error: 400,
  invalid_argument: 400,
  badrequesterror: 400,
  context_length_exceeded: 400,
  content_filter: 400,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  ratelimiterror: 429,
  resource_exhausted: 429,
  insufficient_quota: 429,
  api_error: 500,
  server_error: 500,
  internal_error: 500,
  internal_server_error: 500,
  internalservererror: 500,
  internal: 500,
  service_unavailable: 503,
  unavailable: 503,
  timeout_error: 504,
  overloaded_error: 529,
}

/** Refusals that stay refusals however often one asks, whatever the status they come with. */
const finalWords: { pattern: RegExp; kind: FailureKind }[] = [
  {
    pattern: /context_length_exceeded|maximum context length|prompt is too long|context window/i,
    kind: 'rejected',
  },
  { pattern: /content_filter|content_policy_violation/i, kind: 'rejected' },
  { pattern: /insufficient_quota|insufficient balance|credit balance is too low/i, kind: 'quota' },
  // Gemini uses OpenAI's sentence for its limits by the minute, with another word beside it.
  { pattern: /^(?!.*RESOURCE_EXHAUSTED).*exceeded your current quota/is, kind: 'quota' },
]

const wordStatus = (word: string): number | undefined =>
  Object.hasOwn(statusOfWord, word) ? statusOfWord[word] : undefined

const statusOfWords = (words: string[]): number | undefined => {
  for (const word of words) {
    const status = /^[45]\d\d$/.test(word) ? Number(word) : wordStatus(word.toLowerCase())
    if (status !== undefined) return status
  }
  return undefined
}

const failure = (
  status: number,
  { message, words, retryAfterMs: named }: VendorError,
  asked?: number,
): UpstreamFailure => {
  const retryAfterMs = asked ?? named
  const text = `${words.join(' ')} ${message}`
  const final = finalWords.find(({ pattern }) => pattern.test(text))
  const modelMissing = status === 400 && text.includes('model_not_found')
  const kind = final?.kind ?? (modelMissing ? 'missing' : kindOfStatus(status))
  return new UpstreamFailure(kind, message || `HTTP ${status}`, {
    status,
    retryable: final === undefined && retryableStatuses.has(status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** The failure that an answer with an error status is; `text` is its body, possibly cut. */
export const failureOfStatus = (status: number, text: string, retryAfterMs?: number): UpstreamFailure =>
  failure(status, readVendorError(parseJson(text) ?? text), retryAfterMs)

/** The failure that an error object inside an otherwise successful answer or stream is. */
export const failureOfBody = (body: unknown): UpstreamFailure => {
  const vendor = readVendorError(body)
  return failure(statusOfWords(vendor.words) ?? 599, {
    ...vendor,
    message: vendor.message || 'error without a message',
  })
}

/** A stream or body that ended, or turned to nonsense, before it was complete. */
export const cutOff = (what: string, detail: FailureDetail = {}): UpstreamFailure =>
  new UpstreamFailure('cut', what, detail)

/** The failure that an aborted signal is: its own MeshError, a passed deadline, or a cancellation. */
export const cancelledBy = (signal: AbortSignal): Error => {
  const reason: unknown = signal.reason
  if (reason instanceof MeshError) return reason
  const overdue = objectOf(reason)?.['name'] === 'TimeoutError'
  return new UpstreamFailure(overdue ? 'timeout' : 'cancelled', overdue ? 'deadline passed' : 'cancelled')
}
