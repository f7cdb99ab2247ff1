/** What traces tell of what they have stored: fire and forget, never stored. */
import { z } from 'zod'

export const storedTracesSubject = (tenantId: string): string => `mesh.traces.${tenantId}`

/** Traces of one user that are new or have changed; of runs without a user the id is empty. */
export const storedTraces = z.object({ userId: z.string(), traceIds: z.array(z.string()) })
export type StoredTraces = z.infer<typeof storedTraces>
