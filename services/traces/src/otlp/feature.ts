/** OpenTelemetry's protocol, in: spans of other programs become traces of the tenant. */
import type { Database, Feature } from '@clawmesh/chassis'
import type { TracesConfig } from '../config.ts'
import type { Intake } from '../intake/feature.ts'
import { createOtlpHttp } from './http.ts'
import { createOwners } from './rows.ts'
import { createOtlpUseCases } from './use-cases.ts'

interface Parts {
  database: Database
  intake: Pick<Intake, 'previewLimit' | 'store'>
  config: TracesConfig
}

export const createOtlp = ({ database, intake, config }: Parts): Feature => ({
  http: createOtlpHttp(
    createOtlpUseCases({ ...intake, owners: createOwners(database), retentionDays: config.retentionDays }),
  ),
})
