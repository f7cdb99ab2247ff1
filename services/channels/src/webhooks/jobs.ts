import { uuid } from '@clawmesh/contracts'
import { defineJobs } from '@clawmesh/chassis'
import { z } from 'zod'

export const webhookJobs = defineJobs({
  deliverWebhook: {
    about: 'Sends an event to a webhook',
    data: z.object({ deliveryId: uuid }),
    // Failures of receivers are no failed attempts; a database that is away is.
    attempts: 8,
    timeoutMs: 30_000,
  },
})

/** A replica's places: most of a delivery is waiting, so there are many, and no tenant takes them all. */
export const deliveryPlaces = { all: 64, tenant: 4 }
