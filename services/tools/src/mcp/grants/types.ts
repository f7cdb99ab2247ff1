import type { http } from '@clawmesh/contracts'
import type { BodyShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.mcpGrants.operations

export type AgentGrant = Omit<
  ResponseShape<Operations['listMcpServerGrants']['response'][200]>['grants'][number],
  'createdAt'
> & { createdAt: Date }
export type NewAgentGrant = BodyShape<Operations['grantMcpServerToAgent']>
export type NewUserGrant = BodyShape<Operations['grantMcpServerToUser']>

/** Names of tools as the server has them; an empty list of allowed ones allows all. */
export interface ToolLists {
  toolAllow: string[]
  toolDeny: string[]
}
