/** Every WebSocket method of the mesh, a table for each resource. What is declared here is what exists. */
import type { ServiceName } from '../http/operation.ts'
import * as agents from './agents/index.ts'
import * as channels from './channels/index.ts'
import * as gateway from './gateway/index.ts'
import * as identity from './identity/index.ts'
import type { WsMethod } from './method.ts'
import * as providers from './providers/index.ts'
import * as tools from './tools/index.ts'
import * as traces from './traces/index.ts'

export const ws = { ...agents, ...channels, ...gateway, ...identity, ...providers, ...tools, ...traces }

/** A method and the service that answers it. */
export interface WsRoute {
  service: ServiceName
  name: string
  definition: WsMethod
}

/** Every method by its name. */
export const wsRoutes: ReadonlyMap<string, WsRoute> = new Map(
  Object.values(ws).flatMap(({ service, methods }) =>
    Object.entries<WsMethod>(methods).map(([name, definition]) => [name, { service, name, definition }] as const),
  ),
)
