/** What the gateway answers itself. */
import { createHttpHandler, implementHttp, type HttpHandler, type LogWatch, type Mesh } from '@clawmesh/chassis'
import { http } from '@clawmesh/contracts'
import type { Lookups } from '../admission/lookups.ts'
import { createDocumentationHttp } from './documentation.ts'
import { createHealthHttp } from './health.ts'
import { createOperatorConsoleHttp, websocketOnly } from './operator-console.ts'

interface Parts {
  mesh: Pick<Mesh, 'httpParts' | 'client'>
  lookups: Lookups
  logs: LogWatch
  version: string
}

/** The Express app of the gateway's own routes: health, documentation, what consoles ask. */
export const createOwnApp = ({ mesh, lookups, logs, version }: Parts): HttpHandler =>
  createHttpHandler(
    [
      createHealthHttp(lookups, version),
      createDocumentationHttp(version),
      createOperatorConsoleHttp(mesh, logs, version),
      implementHttp(http.sockets)({ openWebSocket: websocketOnly }),
    ],
    mesh.httpParts('gateway'),
  )
