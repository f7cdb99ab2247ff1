import { integer } from '@clawmesh/chassis'
import { modelPrice } from '@clawmesh/contracts'

export const usageCapSettings = {
  usageReservationMs: {
    env: ['CLAWMESH_USAGE_RESERVATION_MS'],
    schema: integer(900_000, 100),
    about: 'How long a model call may hold what it reserved of usage caps; after that it is counted as used',
  },
  usageSweepMs: {
    env: ['CLAWMESH_USAGE_SWEEP_MS'],
    schema: integer(15_000, 50),
    about: 'How often a replica looks for reservations whose time is over',
  },
  assumedModelPrice: {
    env: ['CLAWMESH_ASSUMED_MODEL_PRICE'],
    schema: modelPrice.default({ input_per_million: 15, output_per_million: 75 }),
    about:
      'Price at which caps on costs count models that have none, where they count them; JSON as in CLAWMESH_MODEL_PRICES',
  },
} as const
