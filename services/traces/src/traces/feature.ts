/** The recorded traces, as they are read and erased, and the runs that will leave some. */
import { StatusServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/status.ts'
import type { Feature, Logger, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { SpanStore } from '../span-store/port.ts'
import { createTraceHttp } from './http.ts'
import { createRecordErasure } from './rows.ts'
import { createRunningTraces } from './running.ts'
import { createTraceUseCases } from './use-cases.ts'

interface Parts {
  mesh: Pick<Mesh, 'client'>
  spans: SpanStore
  db: ServiceDb<PrismaClient>
  log: Logger
}

export const createTraces = ({ mesh, spans, db, log }: Parts): Feature => {
  const running = createRunningTraces(mesh.client(StatusServiceService), log)
  return { http: createTraceHttp(createTraceUseCases({ spans, running, recordErasure: createRecordErasure(db) })) }
}
