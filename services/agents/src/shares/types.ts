/** What the agents service knows of a share. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.shares.operations

export type AgentShare = ResponseShape<Operations['listAgentShares']['response'][200]>['shares'][number]
export type NewShare = BodyShape<Operations['shareAgent']>
