/** The error answers of the API documentation, from the table of errors. */
import { errorBody, errorKinds, errorLine, MeshError, type ErrorCode, type ErrorStyle } from '../errors.ts'
import { defaultBodyLimitBytes } from './operation.ts'
import type { JsonSchema } from './openapi-schemas.ts'

const codes = Object.keys(errorKinds) as ErrorCode[]
const publicCodes = [...new Set(codes.map((code) => errorKinds[code].code))]
const openAiCode = (kind: { code: string; openaiCode?: string }): string => kind.openaiCode ?? kind.code
const openAiCodes = [...new Set(codes.map((code) => openAiCode(errorKinds[code])))]

export const errorSchemas: Readonly<Record<string, JsonSchema>> = {
  Error: {
    type: 'object',
    required: ['error', 'code', 'retryable'],
    properties: {
      error: { type: 'string', description: 'What is wrong, in the language of Accept-Language' },
      code: { type: 'string', enum: publicCodes },
      retryable: { type: 'boolean', description: 'Whether the same request may succeed later' },
      retryAfterMs: { type: 'integer', description: 'Milliseconds after which it is worth repeating' },
    },
  },
  OpenAiError: {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['message', 'type', 'code', 'param'],
        properties: {
          message: { type: 'string', description: 'What is wrong, in the language of Accept-Language' },
          type: { type: 'string', enum: [...new Set(codes.map((code) => errorKinds[code].openai))] },
          code: { type: 'string', enum: openAiCodes },
          param: { type: ['string', 'null'], description: 'The field that is wrong' },
        },
      },
    },
  },
  AnthropicError: {
    type: 'object',
    required: ['type', 'error', 'request_id'],
    properties: {
      type: { type: 'string', const: 'error' },
      error: {
        type: 'object',
        required: ['type', 'message'],
        properties: {
          type: { type: 'string', enum: [...new Set(codes.map((code) => errorKinds[code].anthropic))] },
          message: { type: 'string', description: 'What is wrong, in the language of Accept-Language' },
        },
      },
      request_id: { type: ['string', 'null'], description: 'The id under which the logs and traces have the request' },
    },
  },
}

/** What the parts of the example texts are filled with. */
const params = {
  agent: 'support',
  count: 100,
  field: 'name',
  id: 'unknown',
  kind: 'agent',
  limit: defaultBodyLimitBytes,
  reason: 'Invalid input: expected string, received number',
  role: 'admin',
  text: 'file not found: notes.md',
  what: 'database',
}

const prefixes: Readonly<Record<ErrorStyle, string>> = {
  mesh: '',
  openai: 'OpenAi',
  anthropic: 'Anthropic',
  text: 'Text',
}
const codesOf = (status: number): ErrorCode[] => codes.filter((code) => errorKinds[code].status === status)

/** The name of the component that describes an error status, such as `NotFound` or `OpenAiNotFound`. */
const nameOf = (status: number, style: ErrorStyle): string => {
  const [code = ''] = codesOf(status)
  const words = code.toLowerCase().split('_')
  const pascal = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return prefixes[style] + pascal
}

const header = (name: string) => ({ $ref: `#/components/headers/${name}` })

/** Headers of an answer with a status. */
const headersOf = (status: number): Record<string, object> => ({
  'X-Request-Id': header('RequestId'),
  ...(status === 401 ? { 'WWW-Authenticate': header('Challenge') } : {}),
  'X-Should-Retry': header('ShouldRetry'),
  ...(codesOf(status).some((code) => errorKinds[code].retryable)
    ? { 'Retry-After': header('RetryAfter'), 'Retry-After-Ms': header('RetryAfterMs') }
    : {}),
  ...(status === 429 ? rateLimitHeaders : {}),
})

export const rateLimitHeaders = {
  'RateLimit-Limit': header('RateLimitLimit'),
  'RateLimit-Remaining': header('RateLimitRemaining'),
  'RateLimit-Reset': header('RateLimitReset'),
}

const examplesOf = (status: number, bodyOf: (error: MeshError) => unknown): object =>
  Object.fromEntries(
    codesOf(status).map((code) => [code, { value: bodyOf(new MeshError(code, errorKinds[code].example, params)) }]),
  )

const responseOf = (status: number, style: ErrorStyle): object => ({
  description: codesOf(status)
    .map((code) => errorKinds[code].about)
    .join('; or: '),
  headers: headersOf(status),
  content:
    style === 'text'
      ? {
          'text/plain': { schema: { type: 'string' }, examples: examplesOf(status, (error) => errorLine(error, 'en')) },
        }
      : {
          'application/json': {
            schema: { $ref: `#/components/schemas/${prefixes[style]}Error` },
            examples: examplesOf(status, (error) => errorBody(error, 'en', style, 'req-1')),
          },
        },
})

/** Error answers as components: each status once a style, made when it is first asked for. */
export const errorResponses = () => {
  const responses: Record<string, object> = {}
  return {
    responses,
    refer: (status: number, style: ErrorStyle): object => {
      const name = nameOf(status, style)
      responses[name] ??= responseOf(status, style)
      return { $ref: `#/components/responses/${name}` }
    },
  }
}
