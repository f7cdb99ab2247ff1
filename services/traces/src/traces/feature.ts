/** The recorded traces, as they are read and erased. */
import type { Feature, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { SpanStore } from '../span-store/port.ts'
import { createTraceHttp } from './http.ts'
import { createRecordErasure } from './rows.ts'
import { createTraceUseCases } from './use-cases.ts'

export const createTraces = (spans: SpanStore, db: ServiceDb<PrismaClient>): Feature => ({
  http: createTraceHttp(createTraceUseCases(spans, createRecordErasure(db))),
})
