import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

export const health = defineHttpTable('gateway', {
  getHealth: {
    method: 'GET',
    path: '/health',
    role: 'public',
    summary: 'Liveness: 200 while the process serves HTTP; plain `ok` for Accept: text/plain or ?format=text',
    query: z.object({
      format: z.enum(['json', 'text']).optional().catch(undefined).describe('Form of the answer; else Accept decides'),
    }),
    produces: 'text/plain',
    producesExample: 'ok',
    response: {
      200: z.object({
        status: z.literal('ok'),
        protocol: z.literal(3),
        uptime_ms: z.number().int(),
        mode: z.literal('managed'),
        database: z.enum(['ok', 'error', 'n/a']),
        version: z.string(),
      }),
    },
    errors: [],
  },
})
