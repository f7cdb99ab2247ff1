/** The way of every request through the edge. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { authorise, sendError, type Logger } from '@clawmesh/chassis'
import {
  bucketOf,
  masterTenantId,
  masterTenantSlug,
  MeshError,
  takesIdempotencyKey,
  type Caller,
  type Locale,
  type Route,
} from '@clawmesh/contracts'
import type { Admission, Admit } from '../admission/admit.ts'
import type { AdmitBridge } from '../admission/bridge.ts'
import { readCredentials, refuseRepeatedCredentials, type PresentedCredentials } from '../admission/credentials.ts'
import { tokenBesideHeader } from '../admission/page-token.ts'
import type { AdmitSigned } from '../admission/signed-url.ts'
import { keyHeader } from '../idempotency/key.ts'
import type { Once } from '../idempotency/once.ts'
import { refuseOverLimit, showStanding, type CountStart } from '../limit/limit.ts'
import type { HoldKeyRun } from '../limit/key-runs.ts'
import type { Cors } from './cors.ts'
import type { AuthorizedRequest, Deliver } from './deliver.ts'
import type { FindRoute } from './find-route.ts'
import { keyHeaderOf } from './key-header.ts'
import { countsByBody, startsNothing } from './peek-body.ts'
import { refuseLargeBody } from './refuse-large-body.ts'
import { requestIdOf } from './request-id.ts'
import { dropBadTraceContext } from './trace-context.ts'
import { closed, tracedRequest } from './traced-request.ts'

interface PipelineParts {
  cors: Cors
  findRoute: FindRoute
  /** Looks at a request before its credential; throws to refuse it. */
  guard: (request: IncomingMessage) => void
  admit: Admit
  /** Admits whoever has a signed address. */
  admitSigned: AdmitSigned
  /** Who calls the bridge for MCP clients of this machine. */
  admitBridge: AdmitBridge
  count: CountStart
  holdKeyRun: HoldKeyRun
  deliver: Deliver['deliver']
  /** Delivers a request that names an idempotency key. */
  once: Once['serve']
  clientIp: (request: IncomingMessage) => string
  log: Logger
}

/** The caller of a public route, whom nothing vouches for. */
const anyone = (locale: Locale): Caller => ({
  tenantId: masterTenantId,
  tenantSlug: masterTenantSlug,
  userId: '',
  role: 'viewer',
  scopes: [],
  credential: 'service',
  userBound: false,
  locale,
})

const setCommonHeaders = (response: ServerResponse, requestId: string): void => {
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('referrer-policy', 'no-referrer')
  // An answer is data: opened as a page it may load and run nothing, and be framed by nobody.
  response.setHeader('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
  response.setHeader('x-request-id', requestId)
}

/**
 * route -> authenticate and tenant (admit) -> authorise -> limit -> deliver. With warm caches and without Redis nothing
 * on the way waits for a network; what is thrown anywhere becomes the answer.
 */
export const createPipeline = (parts: PipelineParts): RequestListener => {
  const { cors, findRoute, guard, count, holdKeyRun, deliver, once, clientIp, log } = parts
  const { admit, admitSigned, admitBridge } = parts

  /** Who asks, and may. */
  const admitTo = async (route: Route, request: IncomingMessage, claim: PresentedCredentials): Promise<Admission> => {
    guard(request)
    refuseRepeatedCredentials(request)
    const admission =
      route.definition.bridge === true
        ? await admitBridge(request, claim, clientIp(request))
        : ((await admitSigned(request, route, claim.locale)) ?? (await admit(claim)))
    authorise(admission.caller, route)
    return admission
  }

  /** Keeps what is counted within its limits; gives what is to be called once it has ended, if anything. */
  const limit = async (route: Route, request: IncomingMessage, response: ServerResponse, admission: Admission) => {
    const bucket = bucketOf(route.definition)
    if (bucket === undefined || (await startsNothing(request, response, route))) return undefined
    const standing = await count(bucket, admission, clientIp(request))
    if (standing !== undefined) showStanding(response, standing)
    refuseOverLimit(standing)
    return holdKeyRun(bucket, admission)
  }

  const hand = async (route: Route, authorized: AuthorizedRequest, bearerHash: string): Promise<void> => {
    const { request, response } = authorized
    // Whoever has looked at the body has said so already.
    if (request.headers.expect !== undefined && !countsByBody(route.definition)) response.writeContinue()
    if (request.headers[keyHeader] !== undefined && takesIdempotencyKey(route.definition))
      await once(route, authorized, bearerHash)
    else await deliver(route.service, authorized)
  }

  const pass = async (request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> => {
    let caller: Caller | undefined
    const fail = (thrown: unknown) => {
      if (response.destroyed) return
      const unauthorized = thrown instanceof MeshError && thrown.code === 'UNAUTHORIZED'
      if (unauthorized && !response.headersSent) response.setHeader('www-authenticate', 'Bearer')
      sendError({ request, response, thrown, log, locale: caller?.locale })
    }
    const serve = async (found: Route) => {
      const claim = readCredentials(
        request.headers,
        tokenBesideHeader(request, found, cors.isAllowed) || keyHeaderOf(request, found),
      )
      const isPublic = found.definition.role === 'public'
      const admission = isPublic ? undefined : await admitTo(found, request, claim)
      caller = admission?.caller ?? anyone(claim.locale)
      refuseLargeBody(request, found)
      const release = admission && (await limit(found, request, response, admission))
      const authorized = { request, response, caller, requestId, clientIp: clientIp(request), fail }
      const handed = hand(found, authorized, claim.bearerHash)
      if (release === undefined) return handed
      // The answer may outlive the hand-over, and a run with an idempotency key its client.
      await Promise.all([handed, closed(response)]).finally(release)
    }
    try {
      const found = findRoute(request, response)
      await tracedRequest(request, response, found, () => serve(found))
    } catch (thrown) {
      fail(thrown)
    }
  }

  return (request, response) => {
    const requestId = requestIdOf(request.headers['x-request-id'])
    dropBadTraceContext(request.headers)
    setCommonHeaders(response, requestId)
    if (!cors.apply(request, response)) void pass(request, response, requestId)
  }
}
