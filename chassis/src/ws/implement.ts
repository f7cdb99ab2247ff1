/** Turns a table of WebSocket methods and their handlers into what a process serves. */
import {
  mayCall,
  MeshError,
  scopesFor,
  type Caller,
  type WsMethod,
  type WsParamsOf,
  type WsResultOf,
  type WsService,
} from '@clawmesh/contracts'
import type { Call } from '../call.ts'
import { readParams } from './params.ts'

/** What a handler gets: who calls, the call to pass on, and validated params. */
export interface WsInput<M extends WsMethod> {
  caller: Caller
  call: Call
  params: WsParamsOf<M>
}

export type WsHandler<M extends WsMethod> = (input: WsInput<M>) => Promise<WsResultOf<M>>

/** Handlers for some methods of a contract; a service's files each give their share. */
export type WsHandlers<S extends WsService, K extends keyof S['methods'] = keyof S['methods']> = {
  [N in K]: WsHandler<S['methods'][N]>
}

/** Runs a method by its name. Params and result are JSON values. */
export type CallWsMethod = (call: Call, method: string, params: unknown) => Promise<unknown>

/** @throws FORBIDDEN naming the method and the role or scope that it needs */
export const authoriseWs = (caller: Caller, name: string, method: WsMethod): void => {
  if (mayCall(caller, method)) return
  const hasRole = mayCall({ ...caller, credential: 'service' }, method)
  throw hasRole
    ? new MeshError('FORBIDDEN', 'error.scope_required', { what: name, scope: scopesFor(method).join(' | ') })
    : new MeshError('FORBIDDEN', 'error.permission_denied', { what: name, role: method.role })
}

/**
 * The methods that a service answers. Does not compile while a handler is missing. Every call is authorised by the
 * method's role and scopes and validated before its handler, whatever the edge has checked.
 */
export const implementWs = <S extends WsService>(
  service: S,
  handlers: WsHandlers<S>,
  { checkResponses }: { checkResponses: boolean },
): CallWsMethod => {
  const methods = new Map(Object.entries<WsMethod>(service.methods))

  return async (call, name, given) => {
    const method = methods.get(name)
    if (method === undefined) throw new MeshError('INVALID_REQUEST', 'error.unknown_method', { method: name })
    const { caller } = call
    authoriseWs(caller, name, method)
    const params = readParams(method, given, caller.locale)
    // The table and its handlers are matched by name; their types were checked where they were written.
    const handler = handlers[name] as unknown as (input: WsInput<WsMethod>) => Promise<unknown>
    const result = await handler({ caller, call, params })
    return checkResponses ? method.result.parse(result) : result
  }
}
