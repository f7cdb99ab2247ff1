/** The Express app of a service: what answers requests that come over HTTP. */
import { MeshError, type Route } from '@clawmesh/contracts'
import express, { type Express } from 'express'
import type { IdentityTokens } from '../auth/identity-token.ts'
import type { HttpCore } from './core.ts'
import { serveNode } from './node.ts'

/** `/v1/x/{id}/{path...}` in Express's spelling. */
const expressPath = (path: string): string => path.replace(/\{(\w+)\.\.\.\}/g, '*$1').replace(/\{(\w+)\}/g, ':$1')

const joinWildcards = (params: Record<string, string | string[]>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.join('/') : value]),
  )

/** Express itself refuses paths that it cannot decode. */
const faultOf = (thrown: unknown): unknown =>
  thrown instanceof URIError
    ? new MeshError('INVALID_REQUEST', 'error.invalid_path', { path: '%' }, { cause: thrown })
    : thrown

/** The app over a core. */
export const createExpressApp = ({ routes, answer, refuse }: HttpCore, tokens: IdentityTokens): Express => {
  const app = express()
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple')

  const serve = (route: Route): void => {
    app[route.method.toLowerCase() as 'get'](expressPath(route.path), (request, response) =>
      serveNode(request, response, tokens, (incoming) =>
        answer(route, { params: joinWildcards(request.params), query: request.query }, incoming),
      ),
    )
  }
  for (const route of routes) serve(route)

  const refuseAll = (request: express.Request, response: express.Response, thrown: unknown) =>
    void serveNode(request, response, tokens, async (incoming) => refuse(incoming, thrown))
  app.use((request, response) => {
    const path = request.url.split('?')[0] ?? ''
    refuseAll(request, response, new MeshError('NOT_FOUND', 'error.route_not_found', { path }))
  })
  app.use((thrown: unknown, request: express.Request, response: express.Response, _next: () => void) => {
    refuseAll(request, response, faultOf(thrown))
  })
  return app
}
