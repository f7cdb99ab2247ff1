/** Graphs that learn from what agents write to memory. */
import { z } from 'zod'
import { uuid } from '@clawmesh/contracts'
import { defineJobs, type JobHandlers } from '@clawmesh/chassis'
import type { LearnFromDocument } from './learn.ts'

export const graphJobs = defineJobs({
  extractDocument: {
    about: 'Extracts what a memory document says into the knowledge graph of a user',
    data: z.object({
      documentId: uuid,
      userId: z.string().max(255),
      provider: z.string(),
      model: z.string(),
      minConfidence: z.number(),
    }),
    attempts: 3,
    timeoutMs: 600_000,
  },
})

export const graphJobHandlers = (learn: LearnFromDocument): JobHandlers<typeof graphJobs> => ({
  extractDocument: ({ call, data: { documentId, ...request } }) => learn(call, documentId, request),
})
