/** What may be asked about the activity log, and by whom. */
import type { Caller, http } from '@clawmesh/contracts'
import type { QueryShape, ResponseShape } from '@clawmesh/chassis'
import { timeRange, type TimeRange } from '../traces/time-range.ts'
import { seesAll } from '../traces/use-cases.ts'

type Operation = typeof http.activity.operations.listActivity
type ExportQuery = QueryShape<typeof http.activity.operations.exportActivity>
type ActivityQuery = QueryShape<Operation>
/** A page of records, newest first, and how many there are. */
type ActivityPage = Pick<ResponseShape<Operation['response'][200]>, 'logs' | 'total'>
export type ActivityLog = ActivityPage['logs'][number]
type Filter = Omit<ActivityQuery, 'limit' | 'offset'>

/** The rows of one tenant. */
export interface ActivityRows {
  /** Filters are exact matches. */
  list: (query: ActivityQuery) => Promise<ActivityPage>
  /** Records of a time, newest first, those behind another one where it is given. */
  after: (filter: Filter & TimeRange, last: ActivityLog | undefined, limit: number) => Promise<ActivityLog[]>
}

/** Records that are read at once for an export. */
const exportedAtOnce = 1_000

/** What a caller asks for and may see; undefined where that is nothing. */
const seen = (caller: Caller, { actorType, actorId, action, entityType, entityId }: Filter): Filter | undefined =>
  !seesAll(caller) && caller.userId === ''
    ? undefined
    : {
        // An empty text asks for nothing.
        actorType: actorType || undefined,
        actorId: (seesAll(caller) ? actorId : caller.userId) || undefined,
        action: action || undefined,
        entityType: entityType || undefined,
        entityId: entityId || undefined,
      }

export const createActivityUseCases = (rowsOf: (tenantId: string) => ActivityRows) => ({
  /** The activity of the caller's tenant, newest first; below admin only the caller's own, and none without a user id. */
  list: async (caller: Caller, query: ActivityQuery): Promise<ActivityPage> => {
    const filter = seen(caller, query)
    return filter === undefined
      ? { logs: [], total: 0 }
      : rowsOf(caller.tenantId).list({ ...filter, limit: query.limit, offset: query.offset })
  },

  /** All that matches, in portions, read as they are taken. */
  async *portions(caller: Caller, { from, to, ...query }: ExportQuery): AsyncGenerator<ActivityLog[]> {
    const filter = seen(caller, query)
    if (filter === undefined) return
    const rows = rowsOf(caller.tenantId)
    for (let last: ActivityLog | undefined; ;) {
      const logs = await rows.after({ ...filter, ...timeRange({ from, to }) }, last, exportedAtOnce)
      if (logs.length > 0) yield logs
      if (logs.length < exportedAtOnce) return
      last = logs.at(-1)
    }
  },
})

export type ActivityUseCases = ReturnType<typeof createActivityUseCases>
