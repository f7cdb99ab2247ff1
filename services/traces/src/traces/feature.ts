/** The recorded traces, as they are read. */
import type { Feature } from '@clawmesh/chassis'
import type { PrismaOf } from '../prisma.ts'
import { createTraceHttp } from './http.ts'
import { createTraceRows } from './rows.ts'
import { createTraceUseCases } from './use-cases.ts'

export const createTraces = (prismaOf: PrismaOf): Feature => ({
  http: createTraceHttp(createTraceUseCases(createTraceRows(prismaOf))),
})
