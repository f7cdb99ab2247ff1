/** What travels over a WebSocket, protocol v3: JSON texts of three forms. */
import { z } from 'zod'
import { errorKinds, retryOf, type MeshError } from '../errors.ts'
import { translate, type Locale } from '../messages/index.ts'

export const wsProtocol = 3
export const wsPath = '/ws'

/** Chosen by the client and given back as it came. */
export const wsRequestId = z.union([z.string().max(255), z.int()])
export type WsRequestId = z.infer<typeof wsRequestId>

export const wsRequest = z.object({
  type: z.literal('req'),
  id: wsRequestId,
  method: z.string().min(1).max(100),
  params: z.record(z.string(), z.unknown()).nullish(),
})
export type WsRequest = z.infer<typeof wsRequest>

export const wsErrorCodes = [
  'UNAUTHORIZED',
  'INVALID_REQUEST',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'UNAVAILABLE',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'AGENT_TIMEOUT',
  'INTERNAL',
  'TENANT_ACCESS_REVOKED',
  'NOT_LINKED',
  'NOT_PAIRED',
] as const
const isWsErrorCode = (code: string): code is (typeof wsErrorCodes)[number] =>
  (wsErrorCodes as readonly string[]).includes(code)

export const wsError = z.object({
  code: z.enum(wsErrorCodes),
  message: z.string(),
  details: z.unknown().optional(),
  retryable: z.boolean(),
  retryAfterMs: z.int().optional(),
})

export const wsResponse = z.object({
  type: z.literal('res'),
  id: wsRequestId,
  ok: z.boolean(),
  payload: z.unknown().optional(),
  error: wsError.optional(),
})
export type WsResponse = z.infer<typeof wsResponse>

export const wsEventFrame = z.object({
  type: z.literal('event'),
  event: z.string(),
  payload: z.unknown().optional(),
  seq: z.int().describe('Counts the events of a connection from 1; a gap is what a slow reader missed'),
})
export type WsEventFrame = z.infer<typeof wsEventFrame>

/** Why the server closes a connection. */
export const wsCloseCodes = {
  goingAway: 1001,
  overloaded: 1013,
  unauthorized: 4401,
  accessRevoked: 4403,
} as const

/** The error of a response. */
export const wsErrorBody = (error: MeshError, locale: Locale): z.infer<typeof wsError> => {
  const { code } = errorKinds[error.code]
  return {
    code: isWsErrorCode(code) ? code : 'INTERNAL',
    message: translate(locale, error.key, error.params),
    ...retryOf(error),
  }
}
