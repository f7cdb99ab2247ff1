/** The shape of one declared WebSocket method, and the function that makes a table of them. */
import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { roleIncludes, type ApiKeyScope, type Caller, type Role } from '../caller.ts'
import type { ServiceName } from '../http/operation.ts'

export interface WsMethod {
  /** The least role that may call; `authenticated` is any, `public` also answers before `connect`. */
  role: Role | 'authenticated' | 'public'
  /** Scopes of which an API key needs one, where they are not those of the role; `operator.admin` always does. */
  scopes?: readonly ApiKeyScope[]
  /** A scope that lets an API key call whatever its role, as with HTTP operations. */
  orScope?: ApiKeyScope
  summary: string
  /** As those of HTTP operations: a sentence of behaviour each, documented and pinned by a test. */
  rules?: Readonly<Record<string, string>>
  /** Unknown params are ignored. */
  params: z.ZodObject
  /** Older spellings of params. The other of snake_case and camelCase is always understood. */
  aliases?: Readonly<Record<string, readonly string[]>>
  /** The param that params are as a whole where none of them has the name of one. */
  wholeParam?: string
  result: z.ZodType
  /** Errors beyond UNAUTHORIZED, INVALID_REQUEST, UNAVAILABLE and INTERNAL, which every method may answer. */
  errors: readonly ErrorCode[]
  /** Starts a run: counted by the rate limiter, together with those over HTTP. */
  startsRun?: true
  /** May take minutes: the deadline of a stream holds, not that of a call. */
  takesLong?: true
}

/** The methods on one resource, all answered by one service. */
export interface WsTable<T extends Record<string, WsMethod> = Record<string, WsMethod>> {
  service: ServiceName
  methods: T
}

/** Declares the WebSocket methods on one resource of a service. */
export const defineWsTable = <const T extends Record<string, WsMethod>>(
  service: ServiceName,
  methods: T,
): WsTable<T> => ({
  service,
  methods,
})

/** Which every method may answer. */
const commonErrors: readonly ErrorCode[] = ['UNAUTHORIZED', 'INVALID_REQUEST', 'UNAVAILABLE', 'INTERNAL']

/** Which every method may answer that starts a run. */
const runErrors: readonly ErrorCode[] = ['NOT_FOUND', 'FAILED_PRECONDITION', 'RESOURCE_EXHAUSTED', 'AGENT_TIMEOUT']

/** Every error that a method may answer. */
export const wsErrorsOf = ({ errors, startsRun }: WsMethod): ErrorCode[] => [
  ...new Set([...commonErrors, ...(startsRun === true ? runErrors : []), ...errors]),
]

export type WsParamsOf<M extends WsMethod> = z.output<M['params']>

const scopesOfRole: Record<WsMethod['role'], readonly ApiKeyScope[]> = {
  public: [],
  authenticated: [],
  viewer: ['operator.read', 'operator.write'],
  operator: ['operator.write'],
  admin: [],
  owner: [],
}

/** The scopes of which an API key needs one for a method; none where any key will do. */
export const scopesFor = ({ role, scopes = scopesOfRole[role], orScope }: WsMethod): readonly ApiKeyScope[] =>
  role === 'public' || role === 'authenticated'
    ? []
    : ['operator.admin', ...scopes, ...(orScope === undefined ? [] : [orScope])]

/** Whether an authenticated caller may call a method: by role, and a key by its scopes too. */
export const mayCall = (caller: Pick<Caller, 'role' | 'scopes' | 'credential'>, method: WsMethod): boolean => {
  if (method.role === 'public' || method.role === 'authenticated') return true
  if (method.orScope !== undefined && caller.scopes.includes(method.orScope)) return true
  if (!roleIncludes(caller.role, method.role)) return false
  return caller.credential !== 'api-key' || scopesFor(method).some((scope) => caller.scopes.includes(scope))
}
