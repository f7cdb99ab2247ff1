/** Counts what the accounts of a pool did (contract notes providers-mcp.md 6, agents.md 2.5). */

/** A model call as its span has it. */
export interface PoolCall {
  id: string
  traceId: string
  startedAt: Date
  status: string
  durationMs: number
  provider: string
  model: string
  agentId: string | null
  agentKey: string
  /** What was noted of the pool; null where nothing was. */
  evidence: unknown
}

export interface PoolCallFilter {
  providers: readonly string[]
  agentId: string | undefined
  /** 0 means all that is kept. */
  days: number
  limit: number
}

interface ReadCall extends PoolCall {
  selected: string
  /** Empty where none has served. */
  serving: string
  /** Of the pool, each once. */
  attempted: readonly string[]
  failover: readonly string[]
  attemptCount: number
  usedFailover: boolean
}

type Json = Record<string, unknown>
const mostAgents = 10

const jsonOf = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {})
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const namesOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : []

const read = (call: PoolCall, pool: readonly string[]): ReadCall => {
  const evidence = jsonOf(call.evidence)
  const selected = textOf(evidence['selected_provider']) || call.provider
  const served = textOf(evidence['serving_provider'])
  const serving = served || (call.status === 'completed' ? call.provider || selected : '')
  const failover = namesOf(evidence['failover_providers'])
  const noted = namesOf(evidence['attempted_providers'])
  const attempted = [...new Set([...noted, selected, serving])].filter((name) => pool.includes(name))
  return {
    ...call,
    selected,
    serving,
    attempted,
    failover,
    attemptCount: Math.max(1, Number(evidence['attempt_count']) || noted.length),
    usedFailover: failover.length > 0 || (serving !== '' && serving !== selected),
  }
}

/** Whether a provider succeeded or failed in a call; undefined where that says nothing. */
const outcomeOf = ({ status, serving, attempted }: ReadCall, name: string): boolean | undefined => {
  if (!attempted.includes(name)) return undefined
  if (status === 'completed') return name === serving
  return status === 'error' ? false : undefined
}

/** @param outcomes newest first */
const healthOf = (outcomes: readonly boolean[]) => {
  const successCount = outcomes.filter(Boolean).length
  const failureCount = outcomes.length - successCount
  const lastSuccess = outcomes.indexOf(true)
  const consecutiveFailures = lastSuccess < 0 ? outcomes.length : lastSuccess
  const counts = { successCount, failureCount, consecutiveFailures }
  if (outcomes.length === 0) return { ...counts, successRate: 0, healthScore: 0, healthState: 'idle' }
  const successRate = Math.round((100 * successCount) / outcomes.length)
  const neverSucceeded = successCount === 0 ? 10 : 0
  const score = successRate - Math.min(45, 15 * consecutiveFailures) - neverSucceeded
  const healthScore = Math.min(100, Math.max(0, score))
  const isCritical = consecutiveFailures >= 3 || healthScore < 40
  return {
    ...counts,
    successRate,
    healthScore,
    healthState: isCritical ? 'critical' : healthScore < 80 ? 'degraded' : 'healthy',
  }
}

const countOf = (calls: readonly ReadCall[], name: string) => {
  const newest = (holds: (call: ReadCall) => boolean): string | undefined => calls.find(holds)?.startedAt.toISOString()
  const isSelected = ({ selected }: ReadCall): boolean => selected === name
  const isFailover = ({ serving, selected }: ReadCall): boolean => serving === name && selected !== name
  const selections = calls.filter(isSelected).length
  return {
    providerName: name,
    requestCount: selections,
    directSelectionCount: selections,
    failoverServeCount: calls.filter(isFailover).length,
    ...healthOf(calls.map((call) => outcomeOf(call, name)).filter((outcome) => outcome !== undefined)),
    lastSelectedAt: newest(isSelected),
    lastFailoverAt: newest(isFailover),
    lastUsedAt: newest((call) => isSelected(call) || isFailover(call)),
    lastSuccessAt: newest((call) => outcomeOf(call, name) === true),
    lastFailureAt: newest((call) => outcomeOf(call, name) === false),
  }
}

const topAgents = (calls: readonly PoolCall[]) => {
  const byAgent = new Map<string, { agentId: string; agentKey: string | undefined; requestCount: number }>()
  for (const { agentId, agentKey } of calls) {
    if (agentId === null) continue
    const known = byAgent.get(agentId)
    byAgent.set(agentId, {
      agentId,
      agentKey: (known?.agentKey ?? agentKey) || undefined,
      requestCount: (known?.requestCount ?? 0) + 1,
    })
  }
  return [...byAgent.values()]
    .toSorted((one, other) => other.requestCount - one.requestCount || one.agentId.localeCompare(other.agentId))
    .slice(0, mostAgents)
}

/** @param calls newest first */
export const countPool = (found: readonly PoolCall[], pool: readonly string[], limit: number) => {
  const calls = found.map((call) => read(call, pool))
  return {
    statsSampleSize: calls.length,
    providerCounts: pool.map((name) => countOf(calls, name)),
    recentRequests: calls.slice(0, limit).map((call) => ({
      spanId: call.id,
      traceId: call.traceId,
      startedAt: call.startedAt.toISOString(),
      status: call.status,
      durationMs: call.durationMs,
      providerName: call.serving,
      selectedProvider: call.selected,
      model: call.model,
      attemptCount: call.attemptCount,
      usedFailover: call.usedFailover,
      failoverProviders: [...call.failover],
    })),
    topAgents: topAgents(calls),
  }
}
