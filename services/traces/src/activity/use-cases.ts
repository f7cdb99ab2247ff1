/** What may be asked about the activity log, and by whom. */
import type { Caller, http } from '@clawmesh/contracts'
import type { QueryShape, ResponseShape } from '@clawmesh/chassis'
import { seesAll } from '../traces/use-cases.ts'

type Operation = typeof http.activity.operations.listActivity
type ActivityQuery = QueryShape<Operation>
/** A page of records, newest first, and how many there are. */
type ActivityPage = Pick<ResponseShape<Operation['response'][200]>, 'logs' | 'total'>

/** The rows of one tenant. */
export interface ActivityRows {
  /** Filters are exact matches. */
  list: (query: ActivityQuery) => Promise<ActivityPage>
}

export const createActivityUseCases = (rowsOf: (tenantId: string) => ActivityRows) => ({
  /** The activity of the caller's tenant, newest first; below admin only the caller's own, and none without a user id. */
  list: async (caller: Caller, query: ActivityQuery): Promise<ActivityPage> => {
    if (!seesAll(caller) && caller.userId === '') return { logs: [], total: 0 }
    const { actorType, actorId, action, entityType, entityId } = query
    return rowsOf(caller.tenantId).list({
      ...query,
      // An empty text asks for nothing.
      actorType: actorType || undefined,
      actorId: (seesAll(caller) ? actorId : caller.userId) || undefined,
      action: action || undefined,
      entityType: entityType || undefined,
      entityId: entityId || undefined,
    })
  },
})

export type ActivityUseCases = ReturnType<typeof createActivityUseCases>
