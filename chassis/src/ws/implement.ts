/** Turns tables of WebSocket methods and their handlers into what a process serves. */
import { mayCall, MeshError, scopesFor, type Caller, type WsMethod, type WsTable } from '@clawmesh/contracts'
import type { Call } from '../call.ts'
import { declaredWsError } from '../contract/declared-error.ts'
import { fromContract, toContract, type RequestShape, type ResponseShape } from '../contract/index.ts'
import { readParams } from './params.ts'

/** What a handler gets: who calls, the call to pass on, and validated params in camelCase. */
export interface WsInput<M extends WsMethod> {
  caller: Caller
  call: Call
  params: RequestShape<M['params']>
}

export type WsHandler<M extends WsMethod> = (input: WsInput<M>) => Promise<ResponseShape<M['result']>>

/** A handler for every method of a table. */
export type WsHandlers<S extends WsTable> = {
  [N in keyof S['methods']]: WsHandler<S['methods'][N]>
}

type AnyHandler = (input: { caller: Caller; call: Call; params: unknown }) => Promise<unknown>

/** A table and the handlers that answer it, checked against each other. */
export interface WsImplementation {
  readonly table: WsTable
  readonly handlers: Readonly<Record<string, AnyHandler>>
}

/** Pairs a table with its handlers, as `implementHttp` does. Does not compile while one is missing. */
export const implementWs =
  <S extends WsTable>(table: S) =>
  (handlers: WsHandlers<S>): WsImplementation => ({
    table,
    // They are matched by name; their types are checked here.
    handlers: handlers as unknown as WsImplementation['handlers'],
  })

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
 * The methods that a service answers. Every call is authorised by the method's role and scopes and validated before its
 * handler, whatever the edge has checked.
 */
export const createWsMethods = (
  implementations: readonly WsImplementation[],
  { checkResponses }: { checkResponses: boolean },
): CallWsMethod => {
  const methods = new Map(
    implementations.flatMap(({ table, handlers }) =>
      Object.entries<WsMethod>(table.methods).map(
        ([name, method]) => [name, { method, run: handlers[name]! }] as const,
      ),
    ),
  )

  return async (call, name, given) => {
    const found = methods.get(name)
    if (found === undefined) throw new MeshError('INVALID_REQUEST', 'error.unknown_method', { method: name })
    const { method, run } = found
    const { caller } = call
    authoriseWs(caller, name, method)
    const params = fromContract(method.params, readParams(method, given, caller.locale))
    try {
      const result = toContract(method.result, await run({ caller, call, params }))
      return checkResponses ? method.result.parse(result) : result
    } catch (thrown) {
      throw checkResponses ? declaredWsError(thrown, name, method) : thrown
    }
  }
}
