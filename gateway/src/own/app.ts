/** What the gateway answers itself. */
import { implementHttp, type HttpHandler, type Mesh } from '@clawmesh/chassis'
import { http } from '@clawmesh/contracts'
import type { Lookups } from '../admission/lookups.ts'
import { docsHandlers } from './docs.ts'
import { healthHandlers } from './health.ts'
import { openApiHandlers } from './openapi.ts'

/** The Express app of the gateway's own routes: health, OpenAPI document, documentation. */
export const ownApp = (mesh: Pick<Mesh, 'httpParts'>, lookups: Lookups, version: string): HttpHandler =>
  implementHttp(
    http.gateway,
    { ...healthHandlers(lookups, version), ...openApiHandlers(version), ...docsHandlers() },
    mesh.httpParts('gateway'),
  )
