/** The shape of one declared HTTP operation, and the function that makes a table of them. */
import type { z } from 'zod'
import type { Role, ApiKeyScope } from '../caller.ts'

export type ServiceName =
  'agents' | 'channels' | 'gateway' | 'identity' | 'memory' | 'packages' | 'providers' | 'tools' | 'traces'

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface HttpOperation {
  method: HttpMethod
  /** `{name}` takes one segment, `{name...}` (last only) the rest of the path, slashes included. */
  path: string
  /** Other method and path pairs that are the same operation. A bare path keeps the method. */
  aliases?: readonly { method?: HttpMethod; path: string; id: string }[]
  /** The least role that may call; `public` needs no credential at all. */
  role: Role | 'public'
  /** An API-key scope that opens the operation to a key whose role is too low. */
  orScope?: ApiKeyScope
  /**
   * Takes the credential as `?token=` too when there is no `Authorization` header, for what a browser loads by itself.
   * The edge removes it from the address.
   */
  queryToken?: true
  /** Is open to a signed address too (`?ft=`), which stands for one file and the user that it was made for. */
  signedUrl?: true
  /** Takes the credential as `X-Api-Key` too when there is no `Authorization` header, as Anthropic's clients send it. */
  keyHeader?: true
  /** Only the owner of the addressed resource or a system owner passes; the domain checks it. */
  ownerOnly?: true
  summary: string
  /** What the summary has no room for. */
  description?: string
  /** What it does, a sentence of behaviour each, by a key. Each is documented, and pinned by a test (`rules.ts`). */
  rules?: Readonly<Record<string, string>>
  /** Path parameters; strings where not given. */
  params?: z.ZodObject
  query?: z.ZodObject
  /**
   * Query parameters that a client may send in a JSON body instead, which then wins, where the method gives a body no
   * meaning. Not part of the documentation.
   */
  queryInBody?: readonly string[]
  /** Request headers beside those that every operation takes, with their meaning. */
  headers?: Readonly<Record<string, string>>
  body?: z.ZodType
  /** A body that is no JSON object counts as none, where the contract says so. */
  lenientBody?: true
  /**
   * The body is a form (multipart/form-data) with one file, called `file`; the schema is that of its other fields. It is
   * read as it comes, so it has no other body, and cannot be repeated by an idempotency key.
   */
  upload?: z.ZodObject
  /** The body is of one of these content types and is read by its handler, as bytes; such an operation has no other body. */
  rawBody?: readonly string[]
  /** Default 1 MiB. */
  bodyLimitBytes?: number
  /** A body over the limit is a bad request (400), where the contract says so; else it is answered 413. */
  largeBody?: 'invalid'
  /** Body schema by status, for answers that are not errors. */
  response: Record<number, z.ZodType>
  /** Another content type of the answer; the only one where the response schema is a string. */
  produces?: string
  /** An answer in that content type, for the documentation. */
  producesExample?: string
  /** What the data of each event are, where that content type is a stream of events. */
  eventData?: z.ZodType
  /** Error statuses of its own; `errorStatusesOf` adds those that its kind of operation always has. */
  errors: readonly number[]
  /**
   * `openai` and `anthropic`, routes of their APIs: errors are nested as their clients expect, whatever goes wrong on the
   * path, and the user need not be named: the header's, else the `user` of the body in OpenAI's, else one that the
   * credential gives. `clawgo`, a route of clawgo's API: errors are plain text, and a page may bring its credential in a cookie or in its own address.
   */
  dialect?: 'openai' | 'anthropic' | 'clawgo'
  /** Becomes a WebSocket; a plain request is answered 400. */
  upgrade?: 'websocket'
  /** Starts a run: counted by the rate limiter in the bucket that all of these share. */
  startsRun?: true
  /** Calls a tool outside of any run: counted in a bucket of its own. */
  callsTool?: true
  /** A boolean of the JSON body; where it is true nothing starts, so nothing is counted. */
  uncountedWhen?: string
  /** A field of the JSON body and the value of it that starts something; with any other nothing is counted. */
  countedWhen?: { readonly field: string; readonly is: string }
  /**
   * For programs of this machine alone, with the gateway token; whom they work for is said by signed headers. The edge
   * checks both.
   */
  bridge?: true
}

/** What the rate limiter counts: runs, and calls of tools outside of them. */
export type Bucket = 'run' | 'tool'

/** In which bucket an operation or a method is counted; undefined where it is not. */
export const bucketOf = ({
  startsRun,
  callsTool,
}: Pick<HttpOperation, 'startsRun' | 'callsTool'>): Bucket | undefined =>
  startsRun === true ? 'run' : callsTool === true ? 'tool' : undefined

/** The operations on one resource, all answered by one service. */
export interface HttpTable<T extends Record<string, HttpOperation> = Record<string, HttpOperation>> {
  service: ServiceName
  operations: T
}

export const defaultBodyLimitBytes = 1_048_576

/**
 * Whether an operation honours `Idempotency-Key`: a POST that creates or starts something, by somebody. An alias has the
 * method of its operation.
 */
export const takesIdempotencyKey = (operation: HttpOperation): boolean => {
  const { method, role, response, upload } = operation
  const starts = bucketOf(operation) !== undefined || 201 in response || 202 in response
  return method === 'POST' && role !== 'public' && starts && upload === undefined
}

/** Statuses that the edge may answer to any operation that needs a credential, and to any without. */
const commonErrors = { guarded: [400, 401, 403, 404, 500, 503], public: [500] } as const

/** Every error status that an operation may answer, in order. */
export const errorStatusesOf = (operation: HttpOperation): number[] => {
  const { role, errors, largeBody } = operation
  const hasBody = operation.body !== undefined || operation.upload !== undefined || operation.rawBody !== undefined
  const all = new Set([
    ...commonErrors[role === 'public' ? 'public' : 'guarded'],
    ...(hasBody ? [400, 408] : []),
    ...(hasBody && largeBody === undefined ? [413] : []),
    ...(bucketOf(operation) === undefined ? [] : [429]),
    ...(takesIdempotencyKey(operation) ? [409, 422] : []),
    ...errors,
  ])
  return [...all].sort((a, b) => a - b)
}

/** Declares the HTTP operations on one resource of a service. */
export const defineHttpTable = <const T extends Record<string, HttpOperation>>(
  service: ServiceName,
  operations: T,
): HttpTable<T> => ({ service, operations })

type ParamName<P extends string> = P extends `${string}{${infer N}}${infer R}`
  ? (N extends `${infer M}...` ? M : N) | ParamName<R>
  : never

export type ParamsOf<O extends HttpOperation> = O['params'] extends z.ZodType
  ? z.output<O['params']>
  : { [K in ParamName<O['path']>]: string }
export type BodyOf<O extends HttpOperation> = O['body'] extends z.ZodType ? z.output<O['body']> : undefined
/** The bodies a handler may answer with. */
export type ResponseOf<O extends HttpOperation> = {
  [S in keyof O['response']]: O['response'][S] extends z.ZodType ? z.input<O['response'][S]> : never
}[keyof O['response']]
