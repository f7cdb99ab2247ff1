/** Archives that nobody has fetched go, and those whose process has died. */
import { uuid } from '@clawmesh/contracts'
import { defineJobs } from '@clawmesh/chassis'
import { z } from 'zod'

export const archiveJobs = defineJobs({
  removeArchive: {
    about: 'Removes an archive that waits no longer to be downloaded',
    data: z.object({ archiveId: uuid, spareFetched: z.boolean() }),
    attempts: 5,
    timeoutMs: 60_000,
  },
})

/** No archive takes that long to be made and fetched. */
export const removedAfterMs = 3_600_000
