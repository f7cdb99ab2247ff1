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
  summary: string
  /** Unknown params are ignored. */
  params: z.ZodObject
  /** Older spellings of params. The other of snake_case and camelCase is always understood. */
  aliases?: Readonly<Record<string, readonly string[]>>
  result: z.ZodType
  /** Errors beyond UNAUTHORIZED, INVALID_REQUEST, UNAVAILABLE and INTERNAL, which every method may answer. */
  errors: readonly ErrorCode[]
  /** Starts a run, so it passes the rate limiter. */
  startsRun?: true
}

export interface WsService<T extends Record<string, WsMethod> = Record<string, WsMethod>> {
  name: ServiceName
  methods: T
}

/** Declares the WebSocket methods of one service. */
export const defineWsService = <const T extends Record<string, WsMethod>>(
  name: ServiceName,
  methods: T,
): WsService<T> => ({
  name,
  methods,
})

export type WsParamsOf<M extends WsMethod> = z.output<M['params']>
export type WsResultOf<M extends WsMethod> = z.input<M['result']>

const scopesOfRole: Record<WsMethod['role'], readonly ApiKeyScope[]> = {
  public: [],
  authenticated: [],
  viewer: ['operator.read', 'operator.write'],
  operator: ['operator.write'],
  admin: [],
  owner: [],
}

/** The scopes of which an API key needs one for a method; none where any key will do. */
export const scopesFor = ({ role, scopes = scopesOfRole[role] }: WsMethod): readonly ApiKeyScope[] =>
  role === 'public' || role === 'authenticated' ? [] : ['operator.admin', ...scopes]

/** Whether an authenticated caller may call a method: by role, and a key by its scopes too. */
export const mayCall = (caller: Pick<Caller, 'role' | 'scopes' | 'credential'>, method: WsMethod): boolean => {
  if (method.role === 'public' || method.role === 'authenticated') return true
  if (!roleIncludes(caller.role, method.role)) return false
  return caller.credential !== 'api-key' || scopesFor(method).some((scope) => caller.scopes.includes(scope))
}
