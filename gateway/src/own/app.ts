/** What the gateway answers itself. */
import {
  createHttpCore,
  implementHttp,
  nodeHandler,
  type HttpHandler,
  type LogWatch,
  type Mesh,
} from '@clawmesh/chassis'
import { http } from '@clawmesh/contracts'
import type { Lookups } from '../admission/lookups.ts'
import { createDocumentationHttp } from './documentation.ts'
import { createHealthHttp } from './health.ts'
import { createOperatorConsoleHttp, websocketOnly } from './operator-console.ts'

interface Parts {
  mesh: Pick<Mesh, 'httpParts' | 'client' | 'tokens'>
  lookups: Lookups
  logs: LogWatch
  version: string
}

/** The gateway's own routes: health, documentation, what consoles ask. */
export const createOwnApp = ({ mesh, lookups, logs, version }: Parts): HttpHandler => {
  const core = createHttpCore(
    [
      createHealthHttp(lookups, version),
      createDocumentationHttp(version),
      createOperatorConsoleHttp(mesh, logs, version),
      implementHttp(http.sockets)({ openWebSocket: websocketOnly }),
    ],
    mesh.httpParts('gateway'),
  )
  return nodeHandler(mesh.tokens, core.exchange)
}
