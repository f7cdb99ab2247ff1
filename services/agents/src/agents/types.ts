/** What the agents service knows of an agent: the fields that clients write, and those that it fills itself. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape } from '@clawmesh/chassis'

type Operations = typeof http.agents.operations

export type Json = Record<string, unknown>

/** As clients send it; `tenantId` is honoured for system owners. */
export type NewAgent = BodyShape<Operations['createAgent']>
export type AgentInput = BodyShape<Operations['updateAgent']>

/** Other names of fields, and parts of `otherConfig` that have fields of their own in requests. */
type Alias = 'name' | 'description' | 'systemPrompt' | 'monthlyCents'
/** These hold an object always; null empties them. */
export type HeldObject = 'toolsConfig' | 'otherConfig'

type Named = Omit<AgentInput, Alias>
/** What of an agent can be written. */
export type AgentFields = {
  [K in keyof Named]-?: K extends HeldObject ? Json : Exclude<Named[K], undefined>
}
export type AgentChanges = Partial<AgentFields>

export interface Agent extends AgentFields {
  id: string
  tenantId: string
  ownerId: string
  createdAt: Date
  updatedAt: Date
}
