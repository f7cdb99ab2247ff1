/** Refused model calls, for Prometheus. */
import { Counter } from 'prom-client'
import { metricsRegistry } from '@clawmesh/chassis'
import type { UsageCap } from './types.ts'

const refusals = new Counter({
  name: 'clawmesh_usage_cap_refusals_total',
  help: 'Model calls that a hard usage cap refused: spent, held by calls under way, or of a model without a price',
  labelNames: ['scope', 'metric', 'period', 'reason'] as const,
  registers: [metricsRegistry],
})
const expired = new Counter({
  name: 'clawmesh_usage_reservations_expired_total',
  help: 'Reservations of usage that nobody settled in time, counted as used',
  registers: [metricsRegistry],
})

export const countRefusal = (
  { scope, metric, period }: Pick<UsageCap, 'scope' | 'metric' | 'period'>,
  reason: 'spent' | 'held' | 'unpriced',
): void => refusals.inc({ scope, metric, period, reason })

export const countExpired = (count: number): void => expired.inc(count)
