/** The way of a request over a WebSocket: method -> who asks -> role -> limit -> where it is answered. */
import { randomUUID } from 'node:crypto'
import {
  authoriseWs,
  fromContract,
  readParams,
  toContract,
  traced,
  type Mesh,
  type RemoteService,
} from '@clawmesh/chassis'
import { MeshError, pickLocale, ws, wsRoutes, type Locale, type WsRequest, type WsRoute } from '@clawmesh/contracts'
import type { TakeRun } from '../limit/limit.ts'
import type { AnyOwnMethods } from './own-method.ts'
import type { Session } from './session.ts'

interface Parts {
  mesh: Pick<Mesh, 'methods' | 'config'>
  own: AnyOwnMethods
  takeRun: TakeRun
  /** Makes sure that who connected may still be there. @throws what admission throws */
  recheck: (session: Session) => Promise<void>
}

/** Answers one request with the JSON text of its result. @throws MeshError */
type HandleRequest = (session: Session, request: WsRequest) => Promise<string>

/** The language in which a request is refused: that of the connection, of which a `connect` names a new one. */
export const localeOf = ({ locale }: Pick<Session, 'locale'>, { method, params }: WsRequest): Locale =>
  method === 'connect' && typeof params?.['locale'] === 'string' ? pickLocale(params['locale']) : locale

export const createRequestHandler = ({ mesh, own, takeRun, recheck }: Parts): HandleRequest => {
  const services = new Map<RemoteService, ReturnType<Mesh['methods']>>()
  const methodsOf = (service: RemoteService) => {
    const methods = services.get(service) ?? mesh.methods(service)
    services.set(service, methods)
    return methods
  }

  const answerHere = async (session: Session, { name, definition }: WsRoute, request: WsRequest): Promise<string> => {
    const { authState } = session
    if (authState.kind === 'open') authoriseWs(authState.caller, name, definition)
    const params = fromContract(definition.params, readParams(definition, request.params, localeOf(session, request)))
    const result = toContract(definition.result, await own[name]!(session, params as never))
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
    return route.service === ws.connection.service
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
