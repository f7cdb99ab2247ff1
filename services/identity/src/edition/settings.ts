import { z } from 'zod'

export const editionSettings = {
  edition: {
    env: ['CLAWMESH_EDITION', 'GOCLAW_EDITION'],
    schema: z.enum(['standard', 'lite']).default('standard'),
    about: 'Edition that /v1/edition names, with its limits, which consoles go by; services do not enforce them',
  },
} as const
