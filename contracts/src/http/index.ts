/** Every HTTP operation of the mesh, a table for each resource. What is declared here is what exists. */
import * as agents from './agents/index.ts'
import * as channels from './channels/index.ts'
import * as gateway from './gateway/index.ts'
import * as identity from './identity/index.ts'
import * as memory from './memory/index.ts'
import * as packages from './packages/index.ts'
import * as providers from './providers/index.ts'
import * as tools from './tools/index.ts'
import * as traces from './traces/index.ts'
import type { ServiceName } from './operation.ts'
import { routesOfTable, type Route } from './routes.ts'

export const http = {
  ...agents,
  ...channels,
  ...gateway,
  ...identity,
  ...memory,
  ...packages,
  ...providers,
  ...tools,
  ...traces,
}

/** One route for every method and path that exists, aliases included. */
export const allRoutes: readonly Route[] = Object.values(http).flatMap(routesOfTable)

/** The routes that one service answers. */
export const routesOf = (service: ServiceName): readonly Route[] =>
  allRoutes.filter((route) => route.service === service)
