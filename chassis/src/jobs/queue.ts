/** The queue of a feature's jobs: asks for one, and hands all to their handlers (docs/adr/0022). */
import type { Database } from '../db/database.ts'
import type { JobData, JobHandlers, JobName, JobTable } from './define.ts'
import { createJobRows, type JobRows } from './rows.ts'

export interface JobOptions {
  /**
   * What the job is about. While one of the same name and key waits, another is not added; one that is worked on is done
   * once more afterwards.
   */
  key?: string
  /** Not before, milliseconds from now. */
  afterMs?: number
}

/** Jobs with what is done for them: `jobs` of a feature. */
export interface JobImplementation {
  readonly table: JobTable
  readonly handlers: JobHandlers<JobTable>
  readonly rows: JobRows
  /** Calls back when this process has added a job. */
  readonly onAdded: (listener: () => void) => void
}

export interface JobQueue<T extends JobTable> {
  /** Adds a job of a tenant. It is begun at once, by this replica or another. */
  add: <N extends JobName<T>>(tenantId: string, name: N, data: JobData<T, N>, options?: JobOptions) => Promise<void>
  implementedBy: (handlers: JobHandlers<T>) => JobImplementation
}

export const createJobQueue = <T extends JobTable>(database: Database, table: T): JobQueue<T> => {
  const rows = createJobRows(database)
  const listeners: (() => void)[] = []
  return {
    add: async (tenantId, name, data, { key, afterMs = 0 } = {}) => {
      await rows.add({ tenantId, name, key, data, afterMs })
      for (const listener of listeners) listener()
    },
    implementedBy: (handlers) => ({
      table,
      handlers,
      rows,
      onAdded: (listener) => void listeners.push(listener),
    }),
  }
}
