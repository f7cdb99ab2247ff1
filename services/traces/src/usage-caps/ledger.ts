/** Usage under caps: reserved before a model call is made, settled when it ends. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import type { Cache } from '@clawmesh/chassis'
import { matchingCaps, periodStart, renewsAt } from './matching.ts'
import { countRefusal } from './metrics.ts'
import type { CallPrices } from './prices.ts'
import type { Hold, Matched, Subjects, Tokens, UsageCap } from './types.ts'

/** A counter that has no room. */
export interface Refusal {
  capId: string
  subject: string
  settled: number
  reserved: number
  amount: number
}

export interface Ledger {
  /** Reserves of all counters or of none. `changed`: a cap is gone, so that the caps have to be read anew. */
  reserve: (
    tenantId: string,
    reservationId: string,
    holds: readonly Hold[],
    leaseMs: number,
  ) => Promise<'reserved' | 'changed' | Refusal>
  /** False when there is no such reservation any more. */
  settle: (
    tenantId: string,
    reservationId: string,
    used: { cost: number; tokens: number; isRun: boolean },
  ) => Promise<boolean>
  /** Counts reservations whose time is over as used; how many. */
  expire: (most: number) => Promise<number>
  /** Deletes what is too old to matter. */
  forget: () => Promise<void>
}

/** What a model call is about to use, at most. */
export interface PlannedCall {
  reservationId: string
  subjects: Subjects
  inputTokens: number
  outputTokens: number
  /** Runs are counted where they begin. */
  beginsRun: boolean
}

/** What a model call has used. */
export interface EndedCall {
  reservationId: string
  asked: { provider: string; model: string }
  served: { provider: string; model: string }
  tokens: Tokens
}

interface Parts {
  ledger: Ledger
  /** The caps of a tenant, behind a cache. */
  caps: Cache<UsageCap[]>
  readCaps: (tenantId: string) => Promise<UsageCap[]>
  pricesOf: (tenantId: string) => Promise<CallPrices>
  leaseMs: number
  now?: () => Date
}

/** So often caps may change while a call is matched with them. */
const attempts = 3
/** When what others have reserved may be free. */
const heldRetryMs = 1_000

const aboutCap = ({ metric, period, scope }: UsageCap, subject: string) => ({
  kind: scope,
  subject,
  what: `${metric} of a ${period}`,
})

const shown = (metric: UsageCap['metric'], amount: number): string =>
  metric === 'cost' ? `$${Number(amount.toFixed(6))}` : String(amount)

export const createUsageLedger = ({ ledger, caps, readCaps, pricesOf, leaseMs, now = () => new Date() }: Parts) => {
  const cached = async (tenantId: string) => (await caps.get(tenantId, 'all', () => readCaps(tenantId))) ?? []

  const checkPrice = (
    prices: CallPrices,
    { provider, model }: Subjects,
    matched: readonly Matched[],
    tenant: string,
  ): void => {
    const strict = matched.find(
      ({ cap: { metric, mode, unknownPrices } }) => metric === 'cost' && mode === 'hard' && unknownPrices === 'refuse',
    )
    if (strict === undefined || prices.isKnown({ provider, model })) return
    const { cap, subject } = strict
    countRefusal(cap, 'unpriced')
    const about = aboutCap(cap, subject || tenant)
    throw new MeshError('FAILED_PRECONDITION', 'error.price_unknown', { model, provider, ...about })
  }

  const holdOf = (prices: CallPrices, call: PlannedCall, { cap, subject }: Matched): Hold => {
    const { subjects, inputTokens: input, outputTokens: output } = call
    const tokens = { input, output, cacheRead: 0, cacheCreated: 0 }
    const held = { cost: () => prices.cost([subjects], tokens), tokens: () => input + output, runs: () => 1 }
    const { id: capId, metric, period } = cap
    return { capId, subject, periodStart: periodStart(period, now()), metric, held: held[metric]() }
  }

  const refusalOf = ({ settled, amount }: Refusal, { cap, subject }: Matched, tenant: string): MeshError => {
    const about = aboutCap(cap, subject || tenant)
    if (settled < amount) {
      countRefusal(cap, 'held')
      return new MeshError('RESOURCE_EXHAUSTED', 'error.usage_cap_held', about, { retryAfterMs: heldRetryMs })
    }
    countRefusal(cap, 'spent')
    const { metric, period } = cap
    return new MeshError('QUOTA_EXHAUSTED', 'error.usage_cap_spent', {
      ...about,
      used: shown(metric, settled),
      amount: shown(metric, amount),
      renews: renewsAt(period, periodStart(period, now())).toISOString(),
    })
  }

  return {
    /** What the enabled caps of a tenant are about, each once. */
    capped: async ({ tenantId }: Caller): Promise<Pick<UsageCap, 'scope' | 'subject' | 'mode'>[]> => {
      const enabled = (await cached(tenantId)).filter((cap) => cap.enabled)
      return [...new Map(enabled.map((cap) => [`${cap.scope} ${cap.mode} ${cap.subject}`, cap])).values()]
    },

    /**
     * Reserves what a call may use, of all caps that are about it. False when none is.
     * @throws QUOTA_EXHAUSTED when one is used up, RESOURCE_EXHAUSTED while the rest of one is reserved,
     * FAILED_PRECONDITION for a model without the price that one needs, UNAVAILABLE without the database
     */
    reserve: async ({ tenantId, tenantSlug }: Caller, call: PlannedCall): Promise<boolean> => {
      for (let attempt = 1; ; attempt++) {
        const known = attempt === 1 ? await cached(tenantId) : await readCaps(tenantId)
        const matched = matchingCaps(known, call.subjects).filter(
          ({ cap: { metric } }) => metric !== 'runs' || call.beginsRun,
        )
        if (matched.length === 0) return false
        const prices = await pricesOf(tenantId)
        checkPrice(prices, call.subjects, matched, tenantSlug)
        const holds = matched.map((each) => holdOf(prices, call, each))
        const outcome = await ledger.reserve(tenantId, call.reservationId, holds, leaseMs)
        if (outcome === 'reserved') return true
        if (outcome !== 'changed')
          throw refusalOf(
            outcome,
            matched.find(({ cap }) => cap.id === outcome.capId)!,
            tenantSlug,
          )
        if (attempt === attempts) throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'usage caps' })
      }
    },

    /** Turns a reservation into what was used; again it changes nothing. False when there is none any more. */
    settle: async ({ tenantId }: Caller, { reservationId, asked, served, tokens }: EndedCall): Promise<boolean> =>
      ledger.settle(tenantId, reservationId, {
        cost: (await pricesOf(tenantId)).cost([served, asked], tokens),
        tokens: tokens.input + tokens.output,
        isRun: tokens.input + tokens.output > 0,
      }),
  }
}

export type UsageLedger = ReturnType<typeof createUsageLedger>
