/** Every HTTP operation of the mesh. What is declared here is what exists. */
import { agents } from './agents.ts'
import { channels } from './channels.ts'
import { gateway } from './gateway.ts'
import { identity } from './identity.ts'
import { memory } from './memory.ts'
import { packages } from './packages.ts'
import { providers } from './providers.ts'
import { tools } from './tools.ts'
import { traces } from './traces.ts'
import type { HttpMethod, HttpOperation, ServiceName } from './operation.ts'

export const http = { agents, channels, gateway, identity, memory, packages, providers, tools, traces }

export interface Route {
  service: ServiceName
  /** Name of the operation in its table. */
  operation: string
  /** Operation id in the OpenAPI document; aliases have their own. */
  operationId: string
  method: HttpMethod
  path: string
  definition: HttpOperation
}

/** One route for every method and path that exists, aliases included. */
export const allRoutes: readonly Route[] = Object.values(http).flatMap(({ name, operations }) =>
  Object.entries<HttpOperation>(operations).flatMap(([operation, definition]) => [
    { service: name, operation, operationId: operation, method: definition.method, path: definition.path, definition },
    ...(definition.aliases ?? []).map((alias) => ({
      service: name,
      operation,
      operationId: alias.id,
      method: alias.method ?? definition.method,
      path: alias.path,
      definition,
    })),
  ]),
)

/** The routes that one service answers. */
export const routesOf = (service: ServiceName): readonly Route[] =>
  allRoutes.filter((route) => route.service === service)
