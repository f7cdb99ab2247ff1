/** Every run as GenAI spans of OpenTelemetry, where the operator has named a collector. */
import { packageVersion, type Feature, type Logger } from '@clawmesh/chassis'
import type { TracesConfig } from '../config.ts'
import { createRunExporter, type RunExporter } from './exporter.ts'

export const createRunExport = (
  { runExportEndpoint, runExportHeaders, runExportContent }: TracesConfig,
  log: Logger,
): { feature: Feature; exporter: RunExporter | undefined } => {
  if (runExportEndpoint === '') return { feature: {}, exporter: undefined }
  const exporter = createRunExporter({
    endpoint: runExportEndpoint,
    headers: runExportHeaders,
    content: runExportContent,
    serviceName: 'clawmesh',
    serviceVersion: packageVersion,
    log,
  })
  return { exporter, feature: { parts: [exporter.part] } }
}
