/** The usage caps of a tenant, and what of them is used. */
import { MeshError, uuid, type Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import { periodStart, renewsAt } from './matching.ts'
import type { NewUsageCap, UsageCap, UsageCapChanges, Utilization, UtilizationQuery } from './types.ts'

interface Page {
  limit: number
  offset: number
}

/** What a counter of the current periods says. */
export interface Counted {
  cap: UsageCap
  subject: string
  settled: number
  reserved: number
}

/** The rows of one tenant. */
export interface CapRows {
  /** The oldest first. */
  list: (page: Page) => Promise<{ caps: UsageCap[]; total: number }>
  all: () => Promise<UsageCap[]>
  find: (id: string) => Promise<UsageCap | undefined>
  /** @throws ALREADY_EXISTS when the tenant has as many as it may */
  insert: (cap: NewUsageCap, most: number, actor: Actor) => Promise<UsageCap>
  /** Undefined when there is none. */
  update: (id: string, changes: UsageCapChanges, actor: Actor) => Promise<UsageCap | undefined>
  /** False when there is none. */
  remove: (id: string, actor: Actor) => Promise<boolean>
  /** What of caps some subjects have used and hold in the period that begins on a day. */
  usedBy: (
    capIds: readonly string[],
    subjects: readonly string[],
    start: string,
  ) => Promise<{ capId: string; subject: string; used: number }[]>
  /** The counters of enabled caps in these periods, the fullest first, and how many there are. */
  counted: (
    periods: Record<UsageCap['period'], string>,
    filter: Pick<UtilizationQuery, 'capId' | 'subject'>,
    page: Page,
  ) => Promise<{ counted: Counted[]; total: number }>
}

/** Calls are matched with all caps of a tenant, so there are so many at most. */
export const mostCaps = 1_000

const notFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'usage cap', id })
const refused = (field: string, reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason })

const checkAmount = (metric: UsageCap['metric'], amount: number): void => {
  if (metric !== 'cost' && !Number.isInteger(amount)) throw refused('amount', 'must be a whole number')
}

/** The subject as calls name it. @throws INVALID_REQUEST */
const subjectOf = ({ scope, subject }: Pick<NewUsageCap, 'scope' | 'subject'>): string => {
  if (subject === '') return ''
  if (scope === 'tenant') throw refused('subject', 'must be empty for the tenant')
  if (scope === 'agent' && !uuid.safeParse(subject).success) throw refused('subject', 'must be an id')
  return scope === 'agent' || scope === 'model' ? subject.toLowerCase() : subject
}

export const createUsageCapUseCases = (rowsOf: (tenantId: string) => CapRows, now: () => Date = () => new Date()) => {
  /** @throws NOT_FOUND */
  const get = async ({ tenantId }: Caller, id: string): Promise<UsageCap> => {
    const cap = await rowsOf(tenantId).find(id)
    if (cap === undefined) throw notFound(id)
    return cap
  }

  return {
    get,

    list: async ({ tenantId }: Caller, page: Page) => ({ ...page, ...(await rowsOf(tenantId).list(page)) }),

    /** @throws INVALID_REQUEST for what cannot be capped so, ALREADY_EXISTS */
    create: async (call: Call, cap: NewUsageCap): Promise<UsageCap> => {
      checkAmount(cap.metric, cap.amount)
      return rowsOf(call.caller.tenantId).insert({ ...cap, subject: subjectOf(cap) }, mostCaps, actorOf(call))
    },

    /** @throws NOT_FOUND, INVALID_REQUEST */
    update: async (call: Call, id: string, changes: UsageCapChanges): Promise<UsageCap> => {
      const cap = await get(call.caller, id)
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
      if (Object.keys(given).length === 0) return cap
      if (changes.amount !== undefined) checkAmount(cap.metric, changes.amount)
      const updated = await rowsOf(call.caller.tenantId).update(id, given, actorOf(call))
      if (updated === undefined) throw notFound(id)
      return updated
    },

    /** @throws NOT_FOUND */
    remove: async (call: Call, id: string): Promise<void> => {
      if (!(await rowsOf(call.caller.tenantId).remove(id, actorOf(call)))) throw notFound(id)
    },

    /** What of the caps is used in the current periods, by subject, the fullest first. */
    utilization: async ({ tenantId }: Caller, { limit, offset, ...filter }: UtilizationQuery) => {
      const periods = { day: periodStart('day', now()), month: periodStart('month', now()) }
      const { counted, total } = await rowsOf(tenantId).counted(periods, filter, { limit, offset })
      const utilization = counted.map(({ cap, subject, settled, reserved }): Utilization => {
        const { id: capId, scope, metric, period, mode, amount } = cap
        const start = periods[period]
        return {
          capId,
          scope,
          subject,
          metric,
          period,
          mode,
          amount,
          used: settled,
          reserved,
          percent: Math.round((settled / amount) * 1_000) / 10,
          periodStart: new Date(start),
          renewsAt: renewsAt(period, start),
        }
      })
      return { utilization, total, limit, offset }
    },
  }
}

export type UsageCapUseCases = ReturnType<typeof createUsageCapUseCases>
