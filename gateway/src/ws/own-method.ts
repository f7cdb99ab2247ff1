/** Methods that the edge answers itself, as it is what they are about. */
import type { RequestShape, ResponseShape } from '@clawmesh/chassis'
import type { WsMethod, WsTable } from '@clawmesh/contracts'
import type { Session } from './session.ts'

type OwnMethod<M extends WsMethod> = (
  session: Session,
  params: RequestShape<M['params']>,
) => Promise<ResponseShape<M['result']>>

/** A handler for every method of a table. */
export type OwnMethods<S extends WsTable> = { [N in keyof S['methods']]: OwnMethod<S['methods'][N]> }

/** As they are called, by name; the table of each is what checks its params and result. */
export type AnyOwnMethods = Readonly<Record<string, (session: Session, params: never) => Promise<unknown>>>
