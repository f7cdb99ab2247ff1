import { flag } from '@clawmesh/chassis'
import { z } from 'zod'

const address = z
  .string()
  .refine((text) => text === '' || /^https?:\/\//.test(text), 'expected a URL of http or https')
  .default('')

export const runExportSettings = {
  runExportEndpoint: {
    env: ['CLAWMESH_RUN_EXPORT_ENDPOINT'],
    schema: address,
    about:
      'Where every run is sent as GenAI spans of OpenTelemetry (OTLP over HTTP): the URL before /v1/traces, such as ' +
      'http://collector:4318; empty sends none',
  },
  runExportHeaders: {
    env: ['CLAWMESH_RUN_EXPORT_HEADERS'],
    schema: z.record(z.string(), z.string()).default({}),
    about: 'Headers of what is sent there, JSON: {"Authorization": "Bearer ..."}',
    secret: true,
  },
  runExportContent: {
    env: ['CLAWMESH_RUN_EXPORT_CONTENT'],
    schema: flag(false),
    about:
      'Send what was said too: messages, arguments and results of tools, without credentials that are known as such',
  },
} as const
