import type { HttpMethod, HttpOperation, HttpTable, ServiceName } from './operation.ts'

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

/** One route for every method and path of a table, aliases included. */
export const routesOfTable = ({ service, operations }: HttpTable): Route[] =>
  Object.entries<HttpOperation>(operations).flatMap(([operation, definition]) => [
    { service, operation, operationId: operation, method: definition.method, path: definition.path, definition },
    ...(definition.aliases ?? []).map((alias) => ({
      service,
      operation,
      operationId: alias.id,
      method: alias.method ?? definition.method,
      path: alias.path,
      definition,
    })),
  ])
