/** What the gateway answers itself. */
import { implementHttp, type HttpHandler, type Mesh } from '@clawmesh/chassis'
import { http } from '@clawmesh/contracts'
import type { Lookups } from '../admission/lookups.ts'
import { createDocsHandlers } from './docs.ts'
import { createHealthHandlers } from './health.ts'
import { createOpenApiHandlers } from './openapi.ts'

/** The Express app of the gateway's own routes: health, OpenAPI document, documentation. */
export const createOwnApp = (mesh: Pick<Mesh, 'httpParts'>, lookups: Lookups, version: string): HttpHandler =>
  implementHttp(
    http.gateway,
    { ...createHealthHandlers(lookups, version), ...createOpenApiHandlers(version), ...createDocsHandlers() },
    mesh.httpParts('gateway'),
  )
