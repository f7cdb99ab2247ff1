/** Finds the declared operation of a method and path. What is not found does not exist. */
import { allRoutes, MeshError, type Route } from '@clawmesh/contracts'
import findMyWay from 'find-my-way'
import { cutText } from '../text/cut.ts'

const asPattern = (path: string): string => path.replace(/\{\w+\.\.\.\}/g, '*').replace(/\{(\w+)\}/g, ':$1')

export interface FoundRoute {
  readonly route: Route
  /** What stands in the path, decoded, under the names that the route gives it. */
  readonly params: Readonly<Record<string, string>>
}

export interface RouteTable {
  /** @throws NOT_FOUND for an unknown path, METHOD_NOT_ALLOWED for a known one with another method, INVALID_REQUEST */
  find: (method: string, url: string) => Route
  /** The same with the parameters. */
  match: (method: string, url: string) => FoundRoute
}

/** The name of what a route takes to the end of its path. */
const restOf = ({ path }: Route): string | undefined => /\{(\w+)\.\.\.\}$/.exec(path)?.[1]

/** A table over the given routes, all declared ones unless said. HEAD is answered as GET. */
export const createRouteTable = (routes: readonly Route[] = allRoutes): RouteTable => {
  const router = findMyWay({ maxParamLength: 1000 })
  const methods = new Map<string, findMyWay.HTTPMethod[]>()
  const rests = new Map<Route, string>()
  for (const route of routes) {
    const pattern = asPattern(route.path)
    const rest = restOf(route)
    if (rest !== undefined) rests.set(route, rest)
    router.on(route.method, pattern, () => undefined, route)
    methods.set(pattern, [...(methods.get(pattern) ?? []), route.method])
  }
  const verbs = [...new Set([...methods.values()].flat())]

  const named = (route: Route, params: Record<string, string | undefined>): Record<string, string> => {
    const { '*': rest, ...others } = params
    const name = rests.get(route)
    return { ...others, ...(name === undefined ? {} : { [name]: rest ?? '' }) } as Record<string, string>
  }

  /** Express, which services are routed by over HTTP, takes no empty parameter: the two must mean the same operation. */
  const lookUp = (method: findMyWay.HTTPMethod, path: string): FoundRoute | undefined => {
    const found = router.find(method, path)
    if (found === null) return undefined
    const empty = Object.entries(found.params).find(([, value]) => value === '')
    const route = found.store as Route
    if (empty === undefined) return { route, params: named(route, found.params) }
    // Nothing below a folder is the folder itself.
    return empty[0] === '*' ? lookUp(method, path.slice(0, -1)) : undefined
  }

  const match = (method: string, url: string): FoundRoute => {
    const path = url.split('?', 1)[0]!
    const found = lookUp((method === 'HEAD' ? 'GET' : method) as findMyWay.HTTPMethod, path)
    if (found !== undefined) return found
    if (verbs.some((verb) => lookUp(verb, path) !== undefined))
      throw new MeshError('METHOD_NOT_ALLOWED', 'error.method_not_allowed')
    throw new MeshError('NOT_FOUND', 'error.route_not_found', { path: cutText(path, 200) })
  }
  return { match, find: (method, url) => match(method, url).route }
}
