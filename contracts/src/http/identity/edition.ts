import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

export const edition = defineHttpTable('identity', {
  getEdition: {
    method: 'GET',
    path: '/v1/edition',
    role: 'public',
    summary: 'Edition in force and its limits; 0 and null are no limit',
    rules: {
      needsNoCredential: 'Answered to anybody, whatever credential they send',
      saysUnlimitedAsZero: 'The standard edition has no limits: 0, and null for channels',
    },
    response: {
      200: z.object({
        name: z.enum(['standard', 'lite']),
        max_agents: z.number().int(),
        max_teams: z.number().int(),
        max_team_members: z.number().int(),
        max_channels: z.record(z.string(), z.number().int()).nullable(),
        max_subagent_concurrent: z.number().int(),
        max_subagent_depth: z.number().int(),
        kg_enabled: z.boolean(),
        rbac_enabled: z.boolean(),
        team_full_mode: z.boolean(),
        vector_search: z.boolean(),
      }),
    },
    errors: [],
  },
})
