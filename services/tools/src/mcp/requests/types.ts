import type { http } from '@clawmesh/contracts'
import type { BodyShape, QueryShape } from '@clawmesh/chassis'

type Operations = typeof http.mcpRequests.operations

export type NewAccessRequest = BodyShape<Operations['createMcpAccessRequest']>
export type Review = BodyShape<Operations['reviewMcpAccessRequest']>
export type RequestStatus = QueryShape<Operations['listMcpAccessRequests']>['status']

export interface AccessRequest {
  id: string
  serverId: string
  agentId: string | null
  userId: string | null
  scope: 'agent' | 'user'
  status: RequestStatus
  reason: string
  /** Null asks for all tools. */
  toolAllow: string[] | null
  requestedBy: string
  reviewedBy: string | null
  reviewedAt: Date | null
  reviewNote: string
  createdAt: Date
}
