/** The way of every request through the edge. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { authorise, sendError, type Logger } from '@clawmesh/chassis'
import {
  masterTenantId,
  masterTenantSlug,
  MeshError,
  takesIdempotencyKey,
  type Caller,
  type Locale,
  type Route,
} from '@clawmesh/contracts'
import type { Admit } from '../admission/admit.ts'
import { readCredentials, refuseRepeatedCredentials } from '../admission/credentials.ts'
import { keyHeader } from '../idempotency/key.ts'
import type { Once } from '../idempotency/once.ts'
import type { Limit } from '../limit/limit.ts'
import type { Cors } from './cors.ts'
import type { Deliver } from './deliver.ts'
import type { FindRoute } from './find-route.ts'
import { takeQueryToken } from './query-token.ts'
import { refuseLargeBody } from './refuse-large-body.ts'
import { requestIdOf } from './request-id.ts'
import { dropBadTraceContext } from './trace-context.ts'
import { tracedRequest } from './traced-request.ts'

interface PipelineParts {
  cors: Cors
  findRoute: FindRoute
  /** Looks at a request before its credential; throws to refuse it. */
  guard: (request: IncomingMessage) => void
  admit: Admit
  limit: Limit
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
 * route -> authenticate and tenant (admit) -> limit -> authorise -> deliver. With warm caches and without Redis nothing
 * on the way waits for a network; what is thrown anywhere becomes the answer.
 */
export const createPipeline = (parts: PipelineParts): RequestListener => {
  const { cors, findRoute, guard, admit, limit, deliver, once, clientIp, log } = parts

  const pass = async (request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> => {
    let caller: Caller | undefined
    const fail = (thrown: unknown) => {
      if (response.destroyed) return
      const unauthorized = thrown instanceof MeshError && thrown.code === 'UNAUTHORIZED'
      if (unauthorized && !response.headersSent) response.setHeader('www-authenticate', 'Bearer')
      sendError({ request, response, thrown, log, locale: caller?.locale })
    }
    const serve = async (found: Route) => {
      const claim = readCredentials(request.headers, takeQueryToken(request, found))
      if (found.definition.role === 'public') caller = anyone(claim.locale)
      else {
        guard(request)
        refuseRepeatedCredentials(request)
        const admission = await admit(claim)
        caller = admission.caller
        await limit(request, response, found, admission)
        authorise(caller, found)
      }
      refuseLargeBody(request, found)
      if (request.headers.expect !== undefined) response.writeContinue()
      const authorized = { request, response, caller, requestId, clientIp: clientIp(request), fail }
      if (request.headers[keyHeader] !== undefined && takesIdempotencyKey(found.definition))
        await once(found, authorized, claim.bearerHash)
      else await deliver(found.service, authorized)
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
