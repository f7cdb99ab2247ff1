import type { IncomingMessage, ServerResponse } from 'node:http'
import { traced } from '@clawmesh/chassis'
import type { Route } from '@clawmesh/contracts'

/** Resolves when an answer is out, or its client has gone. */
export const closed = (response: ServerResponse): Promise<void> =>
  response.closed ? Promise.resolve() : new Promise((resolve) => void response.once('close', () => resolve()))

/** Runs a request inside the edge's span, which lasts until the answer is out; without telemetry it just runs. */
export const tracedRequest = (
  request: IncomingMessage,
  response: ServerResponse,
  route: Route,
  run: () => Promise<void>,
): Promise<void> =>
  traced(
    {
      name: `${route.method} ${route.path}`,
      kind: 'server',
      carrier: request.headers,
      attributes: { 'http.request.method': route.method, 'http.route': route.path, 'clawmesh.service': route.service },
    },
    async (span) => {
      await run()
      if (span === undefined) return
      await closed(response)
      span.setAttribute('http.response.status_code', response.statusCode)
    },
  )
