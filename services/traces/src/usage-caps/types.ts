/** What usage caps are, derived from the contract, and what of them is counted. */
import type { http, UsageSubjectNames } from '@clawmesh/contracts'
import type { BodyShape, QueryShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.usageCaps.operations
export type UsageCap = ResponseShape<Operations['getUsageCap']['response'][200]>
export type NewUsageCap = BodyShape<Operations['createUsageCap']>
export type UsageCapChanges = BodyShape<Operations['updateUsageCap']>
export type UtilizationQuery = QueryShape<Operations['getUsageCapUtilization']>
export type Utilization = ResponseShape<Operations['getUsageCapUtilization']['response'][200]>['utilization'][number]

/** Whose a model call is. The tenant is the caller's. */
export type Subjects = UsageSubjectNames

/** Tokens of a model call; what was read from and written to a cache is part of the input. */
export interface Tokens {
  input: number
  output: number
  cacheRead: number
  cacheCreated: number
}

/** A cap, with whose usage of it is counted: empty for the tenant. */
export interface Matched {
  cap: UsageCap
  subject: string
}

/** What a reservation takes of a counter. */
export interface Hold {
  capId: string
  subject: string
  /** Its first day: `2026-11-01`. */
  periodStart: string
  metric: UsageCap['metric']
  /** US dollars, tokens or runs. */
  held: number
}
