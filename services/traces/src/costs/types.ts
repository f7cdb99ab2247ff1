import type { http } from '@clawmesh/contracts'
import type { QueryShape, ResponseShape } from '@clawmesh/chassis'

type Summary = typeof http.costs.operations.getCostSummary

export type CostQuery = QueryShape<Summary>

/** Costs of one agent, or of the traces that have none. */
export type AgentCosts = ResponseShape<Summary['response'][200]>['rows'][number]
