/** What was used, as it is asked for and answered. */
import type { http, ws } from '@clawmesh/contracts'
import type { QueryShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.usage.operations
type Answer<N extends keyof Operations> = ResponseShape<Operations[N]['response'][200]>
type Asked<N extends keyof Operations> = QueryShape<Operations[N]>

export type UsageTotals = Answer<'getUsageSummary'>['current']
export type UsagePoint = Answer<'getUsageTimeseries'>['points'][number]
/** What memory held, next to what was used. */
export type HeldThen = Pick<UsagePoint, 'memoryDocs' | 'memoryChunks' | 'kgEntities' | 'kgRelations'>
/** What was used in an hour or day. */
export type UsedThen = Omit<UsagePoint, keyof HeldThen>
export type UsageRow = Answer<'getUsageBreakdown'>['rows'][number]
export type SessionUsage = Answer<'getUsage'>['records'][number]
export type AgentUsage = ResponseShape<(typeof ws.usage)['methods']['usage.summary']['result']>['byAgent'][string]

export type Quota = ResponseShape<(typeof ws.usage)['methods']['quota.usage']['result']>['entries'][number]

export type SessionQuery = Asked<'getUsage'>
export type SeriesQuery = Asked<'getUsageTimeseries'>
export type BreakdownQuery = Asked<'getUsageBreakdown'>
export type SummaryQuery = Asked<'getUsageSummary'>
