/** What users may run in a day, and what of that they have used, as it is enforced. */
import { matchingCaps, periodStart } from './matching.ts'
import type { UsageCap } from './types.ts'
import type { CapRows } from './use-cases.ts'

/** Runs that are counted and held, and as many as there may be. */
interface Used {
  used: number
  limit: number
}

/** Undefined where no cap holds for anybody. What it gives tells of users; those without a cap are left out. */
export type DailyRuns = (
  tenantId: string,
  day: Date,
) => Promise<((userIds: readonly string[]) => Promise<ReadonlyMap<string, Used>>) | undefined>

const isOnRunsOfUsers = ({ scope, metric, period, mode, enabled }: UsageCap): boolean =>
  enabled && scope === 'user' && metric === 'runs' && period === 'day' && mode === 'hard'

const nobody = { apiKey: '', agent: '', provider: '', model: '' }

/** Of several the one with the least room: it refuses first. */
const closest = (used: readonly Used[]): Used | undefined =>
  used.toSorted((a, b) => a.limit - a.used - (b.limit - b.used))[0]

export const createDailyRuns =
  (rowsOf: (tenantId: string) => Pick<CapRows, 'all' | 'usedBy'>): DailyRuns =>
  async (tenantId, day) => {
    const rows = rowsOf(tenantId)
    const caps = (await rows.all()).filter(isOnRunsOfUsers)
    if (caps.length === 0) return undefined
    return async (userIds) => {
      const counters = await rows.usedBy(
        caps.map(({ id }) => id),
        userIds,
        periodStart('day', day),
      )
      const used = new Map(counters.map((counter) => [`${counter.capId} ${counter.subject}`, counter.used]))
      const usedOf = (user: string): Used | undefined =>
        closest(
          matchingCaps(caps, { ...nobody, user }).map(({ cap: { id, amount } }) => ({
            used: used.get(`${id} ${user}`) ?? 0,
            limit: amount,
          })),
        )
      return new Map(
        userIds.flatMap((user) => {
          const found = usedOf(user)
          return found === undefined ? [] : [[user, found] as const]
        }),
      )
    }
  }
