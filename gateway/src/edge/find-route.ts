/** The step that says which operation a request is for. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { MeshError, type HttpMethod, type Route } from '@clawmesh/contracts'
import { createRouteTable, cutText, type RouteTable } from '@clawmesh/chassis'

const maxUrlLength = 8_192
const methods: readonly HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

const invalidPath = (url: string) => new MeshError('INVALID_REQUEST', 'error.invalid_path', { path: cutText(url, 200) })

/** NUL ends strings in what lies behind us, and PostgreSQL refuses it in texts. */
const hasNul = (url: string): boolean => url.includes('%00') || url.includes('\0')

/**
 * `.` and `..` between slashes mean another path to whoever resolves them, a backslash is a slash to some. Behind encoded
 * slashes they are part of a name, which its service judges.
 */
const ambiguous = /(^|\/)(\.|%2e){1,2}(\/|$)|\\/i

const isDecodable = (path: string): boolean => {
  if (!path.includes('%')) return true
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

const isPlain = (path: string): boolean => !ambiguous.test(path) && isDecodable(path)

/** A path with a query: no absolute address, whose host could be another than that of the Host header, no fragment. */
const isReadable = (url: string): boolean =>
  url.length <= maxUrlLength &&
  url.startsWith('/') &&
  !url.includes('#') &&
  !hasNul(url) &&
  isPlain(url.split('?', 1)[0]!)

const exists = (table: RouteTable, method: HttpMethod, url: string): boolean => {
  try {
    return table.find(method, url) !== undefined
  } catch {
    return false
  }
}

/** The methods that a path answers, HEAD with GET. */
const allowed = (table: RouteTable, url: string): string =>
  methods
    .filter((method) => exists(table, method, url))
    .flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    .join(', ')

export type FindRoute = (request: IncomingMessage, response: ServerResponse) => Route

/**
 * Finds routes among those given, all declared ones unless said. The function throws INVALID_REQUEST for a path that
 * cannot be read, NOT_FOUND, and METHOD_NOT_ALLOWED with an Allow header set.
 */
export const createRouteFinder = (routes?: readonly Route[]): FindRoute => {
  const table = createRouteTable(routes)
  return ({ method = '', url = '' }, response) => {
    if (!isReadable(url)) throw invalidPath(url)
    try {
      return table.find(method, url)
    } catch (thrown) {
      if (thrown instanceof MeshError && thrown.code === 'METHOD_NOT_ALLOWED')
        response.setHeader('allow', allowed(table, url))
      throw thrown
    }
  }
}
