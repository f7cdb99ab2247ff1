/** The recorded traces, as they are read. */
import type { Feature } from '@clawmesh/chassis'
import type { SpanStore } from '../span-store/port.ts'
import { createTraceHttp } from './http.ts'
import { createTraceUseCases } from './use-cases.ts'

export const createTraces = (spans: SpanStore): Feature => ({ http: createTraceHttp(createTraceUseCases(spans)) })
