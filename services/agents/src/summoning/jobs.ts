/** Background work on agents that are made by a model. */
import { uuid } from '@clawmesh/contracts'
import { defineJobs } from '@clawmesh/chassis'
import { z } from 'zod'

/** A summoning in all, its second try included. */
export const summonWithinMs = 600_000

export const summoningJobs = defineJobs({
  summonAgent: {
    about: "Writes an agent's context files with a model",
    data: z.object({ agentId: uuid, summoningId: uuid }),
    // A failure of the model ends it at once; attempts are for processes that end in the middle.
    attempts: 5,
    timeoutMs: summonWithinMs + 60_000,
  },
})
