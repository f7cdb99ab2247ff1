import { flag, integer } from '@clawmesh/chassis'
import { modelPrice } from '@clawmesh/contracts'
import { z } from 'zod'

export const intakeSettings = {
  intakeBatchSize: {
    env: ['CLAWMESH_TRACE_INTAKE_BATCH'],
    schema: integer(200, 1, 500),
    about: 'Traces that are written at once, at most',
  },
  usageRetentionDays: {
    env: ['CLAWMESH_USAGE_RETENTION_DAYS'],
    schema: integer(400, 1, 3_650),
    about: 'Days that is known what was used in which hour; traces are kept for less',
  },
  verbosePreviews: {
    env: ['CLAWMESH_TRACE_VERBOSE', 'GOCLAW_TRACE_VERBOSE'],
    schema: flag(false),
    about: 'Keep 200,000 characters of what a span was given and gave, instead of 40,000',
  },
  modelPrices: {
    env: ['CLAWMESH_MODEL_PRICES'],
    file: 'telemetry.model_pricing',
    schema: z.record(z.string(), modelPrice).default({}),
    about:
      'Prices over the known ones, JSON by "provider/model" or "model": {"gpt-4o": {"input_per_million": 2.5, ' +
      '"output_per_million": 10, "cache_read_per_million": 1.25}}, in US dollars; input of a cache costs what other input does ' +
      'unless it has a price',
  },
} as const
