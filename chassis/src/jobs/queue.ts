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

/** How many jobs a replica works on at a time; the configuration says it where a feature does not. */
export interface JobPlaces {
  readonly all: number
  /** Of one tenant, fewer when many tenants are at work. */
  readonly tenant: number
}

/** Jobs with what is done for them: `jobs` of a feature. */
export interface JobImplementation {
  readonly table: JobTable
  readonly handlers: JobHandlers<JobTable>
  readonly rows: JobRows
  readonly places?: JobPlaces | undefined
  /** Calls back when this process has added a job. */
  readonly onAdded: (listener: () => void) => void
}

export interface JobQueue<T extends JobTable> {
  /** Adds a job of a tenant. It is begun at once, by this replica or another. */
  add: <N extends JobName<T>>(tenantId: string, name: N, data: JobData<T, N>, options?: JobOptions) => Promise<void>
  /** Adds several jobs of a name, in one statement. */
  addAll: <N extends JobName<T>>(
    tenantId: string,
    name: N,
    jobs: readonly { data: JobData<T, N>; key: string }[],
  ) => Promise<void>
  implementedBy: (handlers: JobHandlers<T>, places?: JobPlaces) => JobImplementation
}

export const createJobQueue = <T extends JobTable>(database: Database, table: T): JobQueue<T> => {
  const rows = createJobRows(database)
  const listeners: (() => void)[] = []
  const tell = () => {
    for (const listener of listeners) listener()
  }
  return {
    add: async (tenantId, name, data, { key, afterMs = 0 } = {}) => {
      await rows.add(tenantId, name, [{ key, data, afterMs }])
      tell()
    },
    addAll: async (tenantId, name, jobs) => {
      if (jobs.length === 0) return
      await rows.add(
        tenantId,
        name,
        jobs.map((job) => ({ ...job, afterMs: 0 })),
      )
      tell()
    },
    implementedBy: (handlers, places) => ({
      table,
      handlers,
      rows,
      places,
      onAdded: (listener) => void listeners.push(listener),
    }),
  }
}
