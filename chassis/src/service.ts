/** Composes a service out of its features. */
import { routesOf, wsRoutes, type ServiceName } from '@clawmesh/contracts'
import { createHttpHandler, type HttpImplementation } from './http/implement.ts'
import type { Part } from './lifecycle/lifecycle.ts'
import type { Mesh, RpcImplementation, Service } from './mesh.ts'
import { createWsMethods, type WsImplementation } from './ws/implement.ts'

/** One resource or ability of a service, from its routes to its rows. */
export interface Feature {
  readonly http?: HttpImplementation
  readonly ws?: WsImplementation
  /** Consumers and background work, in the order in which they start. */
  readonly parts?: readonly Part[]
}

export interface ServiceParts {
  readonly name: ServiceName
  readonly features: readonly Feature[]
  readonly rpc?: readonly RpcImplementation[]
  /** What starts before the features' own parts and stops after them: the database, the outbox relay. */
  readonly parts?: readonly Part[]
  readonly lameDuck?: () => void
}

/** @throws Error when something that the contract declares is answered by no feature */
const requireAll = (service: ServiceName, what: string, declared: Iterable<string>, given: readonly string[]): void => {
  const missing = [...new Set(declared)].filter((name) => !given.includes(name))
  if (missing.length > 0) throw new Error(`${service} implements no ${what} ${missing.join(', ')}`)
}

const methodsOf = (service: ServiceName): string[] =>
  [...wsRoutes.values()].filter((route) => route.service === service).map(({ name }) => name)

/** A service as its process runs it. @throws Error when a declared operation or method has no handler */
export const composeService = (mesh: Mesh, { name, features, rpc, parts = [], lameDuck }: ServiceParts): Service => {
  const http = features.flatMap((feature) => feature.http ?? [])
  const ws = features.flatMap((feature) => feature.ws ?? [])
  requireAll(
    name,
    'operation',
    routesOf(name).map(({ operation }) => operation),
    http.flatMap(({ handlers }) => Object.keys(handlers)),
  )
  requireAll(
    name,
    'method',
    methodsOf(name),
    ws.flatMap(({ handlers }) => Object.keys(handlers)),
  )
  return {
    name,
    http: createHttpHandler(http, mesh.httpParts(name)),
    ...(ws.length > 0 ? { ws: createWsMethods(ws, mesh.config) } : {}),
    ...(rpc === undefined ? {} : { rpc }),
    ...(lameDuck === undefined ? {} : { lameDuck }),
    parts: [...parts, ...features.flatMap((feature) => feature.parts ?? [])],
  }
}
