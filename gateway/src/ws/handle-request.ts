/** The way of a request over a WebSocket: method -> who asks -> role -> limit -> where it is answered. */
import { randomUUID } from 'node:crypto'
import {
  authoriseWs,
  fromContract,
  readParams,
  toContract,
  traced,
  type Call,
  type Mesh,
  type RemoteService,
} from '@clawmesh/chassis'
import {
  bucketOf,
  MeshError,
  pickLocale,
  ws,
  wsRoutes,
  type Locale,
  type WsMethod,
  type WsRequest,
  type WsRoute,
} from '@clawmesh/contracts'
import type { Admission } from '../admission/admit.ts'
import type { HoldKeyRun } from '../limit/key-runs.ts'
import { refuseOverLimit, type CountStart } from '../limit/limit.ts'
import type { AnyOwnMethods } from './own-method.ts'
import type { Session } from './session.ts'

interface Parts {
  mesh: Pick<Mesh, 'methods' | 'config' | 'bus'>
  own: AnyOwnMethods
  count: CountStart
  holdKeyRun: HoldKeyRun
  /** Makes sure that who connected may still be there. @throws what admission throws */
  recheck: (session: Session) => Promise<void>
}

/** Answers one request with the JSON text of its result. @throws MeshError */
type HandleRequest = (session: Session, request: WsRequest) => Promise<string>

/** The language in which a request is refused: that of the connection, of which a `connect` names a new one. */
export const localeOf = ({ locale }: Pick<Session, 'locale'>, { method, params }: WsRequest): Locale =>
  method === 'connect' && typeof params?.['locale'] === 'string' ? pickLocale(params['locale']) : locale

export const createRequestHandler = ({ mesh, own, count, holdKeyRun, recheck }: Parts): HandleRequest => {
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

  /** Calls a method where it is implemented, under the deadline that suits it. */
  const callMethod = async ({ name, definition, service }: WsRoute, call: Call, params: unknown): Promise<string> => {
    const asked = { method: name, paramsJson: JSON.stringify(params ?? {}) }
    const methods = methodsOf(service as RemoteService)
    if (definition.takesLong !== true) return (await methods.callMethod(call, asked)).resultJson
    let resultJson = 'null'
    for await (const answer of methods.callLongMethod(call, asked)) resultJson = answer.resultJson
    return resultJson
  }

  /** A run that a method starts has the id of the request. Its answer comes after the last of its events. */
  const answerWithRun = async ({ ownRuns }: Session, route: WsRoute, call: Call, params: unknown): Promise<string> => {
    const { requestId: runId } = call
    ownRuns.add(runId)
    let didRun = false
    try {
      const result = await callMethod(route, call, params)
      didRun = mesh.bus.connected() && !('injected' in (JSON.parse(result) as object))
      return result
    } finally {
      await ownRuns.settled(runId, didRun)
    }
  }

  /** Keeps what is counted within its limits; gives what is to be called once it has ended, if anything. */
  const limit = async (admission: Admission, clientIp: string, definition: WsMethod) => {
    const bucket = bucketOf(definition)
    if (bucket === undefined) return undefined
    refuseOverLimit(await count(bucket, admission, clientIp))
    return holdKeyRun(bucket, admission)
  }

  const answerElsewhere = async (session: Session, route: WsRoute, { params }: WsRequest): Promise<string> => {
    if (session.authState.kind !== 'open') throw new MeshError('UNAUTHORIZED', 'error.connect_first')
    const { caller } = session.authState
    const { name, definition } = route
    authoriseWs(caller, name, definition)
    const call = { caller, requestId: randomUUID(), signal: session.gone, clientIp: session.clientIp }
    const release = await limit(session.authState, session.clientIp, definition)
    try {
      if (definition.startsRun === true) return await answerWithRun(session, route, call, params)
      return await callMethod(route, call, params)
    } finally {
      release?.()
    }
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
