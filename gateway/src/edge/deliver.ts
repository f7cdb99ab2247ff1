/** The last step: hands a request to the service that owns its route, in this process or another. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { attachCaller, traceHeaders, type HttpHandler, type Mesh, type RemoteRoute } from '@clawmesh/chassis'
import { MeshError, type Caller, type ServiceName } from '@clawmesh/contracts'
import { stripHeaders } from '../proxy/hop-headers.ts'
import { createLinkedProxy } from '../proxy/linked.ts'
import { createProxy, type Proxy } from '../proxy/proxy.ts'

/** An authorised request on its way. */
export interface AuthorizedRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly caller: Caller
  readonly requestId: string
  readonly clientIp: string
  /** Answers with an error when the service cannot be reached. */
  readonly fail: (thrown: unknown) => void
}

export interface Deliver {
  deliver: (service: ServiceName, authorized: AuthorizedRequest) => Promise<void>
  close: () => void
}

/** What services may believe about a request: nothing the client says about itself. */
const rewriteHeaders = ({ headers }: IncomingMessage, { requestId, clientIp }: AuthorizedRequest): void => {
  stripHeaders(headers)
  headers['x-request-id'] = requestId
  headers['x-forwarded-for'] = clientIp
  Object.assign(headers, traceHeaders())
}

const proxyTo = (service: ServiceName, { urls, links }: RemoteRoute): Proxy =>
  links === undefined ? createProxy(urls) : createLinkedProxy(links, service, createProxy(urls))

/** Where services live is asked once each, at their first request: by then every module has joined. */
export const createDeliverer = (mesh: Pick<Mesh, 'route' | 'tokens'>, own: HttpHandler): Deliver => {
  const ways = new Map<ServiceName, HttpHandler | Proxy>()
  const wayTo = (service: ServiceName): HttpHandler | Proxy => {
    const known = ways.get(service)
    if (known !== undefined) return known
    const found = service === 'gateway' ? own : mesh.route(service)
    const way = typeof found === 'function' ? found : proxyTo(service, found)
    ways.set(service, way)
    return way
  }

  return {
    deliver: async (service, authorized) => {
      const { request, response, caller, fail } = authorized
      const way = wayTo(service)
      const identity = typeof way === 'function' ? '' : await mesh.tokens.mint(caller)
      // Who left while the caller was looked up is not there to cancel what would start now.
      if (response.destroyed) return
      rewriteHeaders(request, authorized)
      if (typeof way === 'function') {
        attachCaller(request, caller)
        way(request, response)
        return
      }
      way.forward(request, response, {
        identity,
        fail: (cause) => fail(new MeshError('UNAVAILABLE', 'error.unavailable', { what: service }, { cause })),
      })
    },
    close: () => {
      for (const way of ways.values()) if (typeof way !== 'function') way.close()
    },
  }
}
