/** Composes a service out of its features. */
import { routesOf, wsRoutes, type ServiceName } from '@clawmesh/contracts'
import type { RemoteService } from './config.ts'
import { createConsumer, type EventHandlers } from './events/consumer.ts'
import { createHttpCore } from './http/core.ts'
import { createExpressApp } from './http/express-app.ts'
import type { HttpImplementation } from './http/implement.ts'
import type { JobImplementation } from './jobs/queue.ts'
import { createJobWorker } from './jobs/worker.ts'
import type { Part } from './lifecycle/lifecycle.ts'
import type { Mesh, RpcImplementation, Service } from './mesh.ts'
import { createWsMethods, type WsImplementation } from './ws/implement.ts'

/** One resource or ability of a service, from its routes to its rows. */
export interface Feature {
  readonly http?: HttpImplementation
  readonly ws?: WsImplementation
  /** What it does at which events. */
  readonly events?: EventHandlers
  /** What is done for its background jobs. */
  readonly jobs?: JobImplementation
  /** Background work, in the order in which it starts. */
  readonly parts?: readonly Part[]
}

export interface ServiceParts {
  readonly name: RemoteService
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

/** The handlers of all features. @throws Error when two of them handle the same event */
const mergeEvents = (service: ServiceName, features: readonly Feature[]): EventHandlers => {
  const entries = features.flatMap(({ events = {} }) => Object.entries(events))
  const twice = entries.map(([name]) => name).find((name, at, names) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new Error(`two features of ${service} handle ${twice}; it has one durable position`)
  return Object.fromEntries(entries)
}

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
  const events = mergeEvents(name, features)
  const core = createHttpCore(http, mesh.httpParts(name))
  return {
    name,
    http: createExpressApp(core, mesh.tokens),
    exchange: core.exchange,
    ...(ws.length > 0 ? { ws: createWsMethods(ws, mesh.config) } : {}),
    ...(rpc === undefined ? {} : { rpc }),
    ...(lameDuck === undefined ? {} : { lameDuck }),
    parts: [
      ...parts,
      ...features.flatMap((feature) => feature.parts ?? []),
      ...(Object.keys(events).length > 0 ? [createConsumer(mesh, name, events)] : []),
      ...features.flatMap(({ jobs }) => (jobs === undefined ? [] : [createJobWorker(mesh, name, jobs)])),
    ],
  }
}
