/** OpenTelemetry's protocol, in: spans of other programs become traces of the tenant. */
import type { Feature } from '@clawmesh/chassis'
import type { TracesConfig } from '../config.ts'
import type { Intake } from '../intake/feature.ts'
import type { SpanStore } from '../span-store/port.ts'
import { createOtlpHttp } from './http.ts'
import { createOtlpUseCases } from './use-cases.ts'

interface Parts {
  spans: SpanStore
  intake: Pick<Intake, 'previewLimit' | 'store'>
  config: TracesConfig
}

export const createOtlp = ({ spans, intake, config }: Parts): Feature => ({
  http: createOtlpHttp(createOtlpUseCases({ ...intake, spans, retentionDays: config.retentionDays })),
})
