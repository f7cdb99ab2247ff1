/** What the gateway answers itself. */
import { createHttpHandler, type HttpHandler, type Mesh } from '@clawmesh/chassis'
import type { Lookups } from '../admission/lookups.ts'
import { createDocumentationHttp } from './documentation.ts'
import { createHealthHttp } from './health.ts'

/** The Express app of the gateway's own routes: health, OpenAPI document, documentation. */
export const createOwnApp = (mesh: Pick<Mesh, 'httpParts'>, lookups: Lookups, version: string): HttpHandler =>
  createHttpHandler([createHealthHttp(lookups, version), createDocumentationHttp(version)], mesh.httpParts('gateway'))
