/** Background work on conversations. */
import { uuid } from '@clawmesh/contracts'
import { defineJobs } from '@clawmesh/chassis'
import { z } from 'zod'

const ofSession = z.object({ sessionId: uuid })

export const sessionJobs = defineJobs({
  compactSession: {
    about: 'Summarises the older part of a conversation that fills its window, and saves to memory what should last',
    data: ofSession.extend({
      /** Compactions when it was asked for: another one since did what is wanted. */
      compactionCount: z.number().int(),
    }),
    // Its pauses add up to some minutes, as long as a provider may be away.
    attempts: 6,
    timeoutMs: 900_000,
  },
  rememberSession: {
    about: 'Keeps the summary of a conversation as a memory document of its user, where the agent is set so',
    data: ofSession,
    attempts: 6,
    timeoutMs: 60_000,
  },
  titleSession: {
    about: 'Names a conversation after what was said in it',
    data: ofSession,
    attempts: 3,
    timeoutMs: 150_000,
  },
})
