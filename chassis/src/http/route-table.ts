/** Finds the declared operation of a method and path. What is not found does not exist. */
import { allRoutes, MeshError, type Route } from '@clawmesh/contracts'
import findMyWay from 'find-my-way'

const asPattern = (path: string): string => path.replace(/\{\w+\.\.\.\}/g, '*').replace(/\{(\w+)\}/g, ':$1')

export interface RouteTable {
  /** @throws NOT_FOUND for an unknown path, METHOD_NOT_ALLOWED for a known one with another method, INVALID_REQUEST */
  find: (method: string, url: string) => Route
}

/** A table over the given routes, all declared ones unless said. HEAD is answered as GET. */
export const createRouteTable = (routes: readonly Route[] = allRoutes): RouteTable => {
  const router = findMyWay({ maxParamLength: 1000 })
  const methods = new Map<string, findMyWay.HTTPMethod[]>()
  for (const route of routes) {
    const pattern = asPattern(route.path)
    router.on(route.method, pattern, () => undefined, route)
    methods.set(pattern, [...(methods.get(pattern) ?? []), route.method])
  }
  const verbs = [...new Set([...methods.values()].flat())]

  /** Express, which services route by, takes no empty parameter: the two must mean the same operation. */
  const match = (method: findMyWay.HTTPMethod, path: string): Route | undefined => {
    const found = router.find(method, path)
    if (found === null) return undefined
    const empty = Object.entries(found.params).find(([, value]) => value === '')
    if (empty === undefined) return found.store as Route
    // Nothing below a folder is the folder itself.
    return empty[0] === '*' ? match(method, path.slice(0, -1)) : undefined
  }

  return {
    find: (method, url) => {
      const path = url.split('?', 1)[0]!
      const found = match((method === 'HEAD' ? 'GET' : method) as findMyWay.HTTPMethod, path)
      if (found !== undefined) return found
      if (verbs.some((verb) => match(verb, path) !== undefined))
        throw new MeshError('METHOD_NOT_ALLOWED', 'error.method_not_allowed')
      throw new MeshError('NOT_FOUND', 'error.route_not_found', { path: path.slice(0, 200) })
    },
  }
}
