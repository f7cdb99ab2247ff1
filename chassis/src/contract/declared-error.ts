/** Keeps tables and code together where answers are checked: what is answered is declared, errors too. */
import {
  errorKinds,
  errorStatusesOf,
  MeshError,
  wsErrorsOf,
  type ErrorCode,
  type HttpOperation,
  type WsMethod,
} from '@clawmesh/contracts'

const unlessDeclared = (thrown: unknown, name: string, declares: (code: ErrorCode) => boolean): unknown =>
  // Nobody hears of a call that was cancelled.
  !(thrown instanceof MeshError) || thrown.code === 'CANCELLED' || declares(thrown.code)
    ? thrown
    : new Error(`${name} does not declare ${thrown.code}`, { cause: thrown })

/** What an operation threw, or an Error in its place when its table declares no such status. */
export const declaredHttpError = (thrown: unknown, name: string, operation: HttpOperation): unknown => {
  const statuses = errorStatusesOf(operation)
  return unlessDeclared(thrown, name, (code) => statuses.includes(errorKinds[code].status))
}

/** What a method threw, or an Error in its place when its table declares no error that is shown as this one is. */
export const declaredWsError = (thrown: unknown, name: string, method: WsMethod): unknown => {
  const shown = wsErrorsOf(method).map((code): string => errorKinds[code].code)
  return unlessDeclared(thrown, name, (code) => shown.includes(errorKinds[code].code))
}
