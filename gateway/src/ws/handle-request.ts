/** The way of a request over a WebSocket: method -> who asks -> role -> limit -> where it is answered. */
import { randomUUID } from 'node:crypto'
import { authoriseWs, readParams, traced, type Mesh, type RemoteService } from '@clawmesh/chassis'
import { MeshError, ws, wsRoutes, type WsRequest, type WsRoute } from '@clawmesh/contracts'
import type { TakeRun } from '../limit/limit.ts'
import type { OwnMethods } from './own-methods.ts'
import type { Session } from './session.ts'

interface Parts {
  mesh: Pick<Mesh, 'methods' | 'config'>
  own: OwnMethods
  takeRun: TakeRun
  /** Makes sure that who connected may still be there. @throws what admission throws */
  recheck: (session: Session) => Promise<void>
}

/** Answers one request with the JSON text of its result. @throws MeshError */
export type HandleRequest = (session: Session, request: WsRequest) => Promise<string>

export const createRequestHandler = ({ mesh, own, takeRun, recheck }: Parts): HandleRequest => {
  const services = new Map<RemoteService, ReturnType<Mesh['methods']>>()
  const methodsOf = (service: RemoteService) => {
    const methods = services.get(service) ?? mesh.methods(service)
    services.set(service, methods)
    return methods
  }

  const answerHere = async (session: Session, { name, definition }: WsRoute, request: WsRequest): Promise<string> => {
    const params = readParams(definition, request.params, session.locale)
    const run = own[name as keyof OwnMethods] as (session: Session, params: unknown) => Promise<unknown>
    const result = await run(session, params)
    return JSON.stringify(mesh.config.checkResponses ? definition.result.parse(result) : result)
  }

  const answerElsewhere = async (session: Session, { name, definition, service }: WsRoute, request: WsRequest) => {
    if (session.authState.kind !== 'open') throw new MeshError('UNAUTHORIZED', 'error.connect_first')
    const { caller } = session.authState
    authoriseWs(caller, name, definition)
    if (definition.startsRun === true) await takeRun(session.authState, session.clientIp)
    const call = { caller, requestId: randomUUID(), signal: session.gone, clientIp: session.clientIp }
    const asked = { method: name, paramsJson: JSON.stringify(request.params ?? {}) }
    return (await methodsOf(service as RemoteService).callMethod(call, asked)).resultJson
  }

  const answer = async (session: Session, request: WsRequest): Promise<string> => {
    const route = wsRoutes.get(request.method)
    const isPublic = route?.definition?.role === 'public'
    if (session.authState.kind !== 'open' && !isPublic) throw new MeshError('UNAUTHORIZED', 'error.connect_first')
    if (route === undefined) throw new MeshError('INVALID_REQUEST', 'error.unknown_method', { method: request.method })
    if (session.authState.kind === 'open' && request.method !== 'connect') await recheck(session)
    return route.service === ws.gateway.name
      ? answerHere(session, route, request)
      : answerElsewhere(session, route, request)
  }

  return (session, request) => {
    const known = wsRoutes.has(request.method) ? request.method : 'unknown'
    return traced(
      { name: `ws ${known}`, kind: 'server', attributes: { 'rpc.system': 'websocket', 'rpc.method': known } },
      () => answer(session, request),
    )
  }
}
