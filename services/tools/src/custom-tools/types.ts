/** A command that agents have as a tool. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape, QueryShape } from '@clawmesh/chassis'

type Operations = typeof http.customTools.operations

export interface CustomTool {
  id: string
  name: string
  description: string
  parameters: Record<string, unknown>
  command: string
  /** Relative to the workspace; empty is the workspace. */
  workingDir: string
  timeoutSeconds: number
  /** Null where it is for all agents. */
  agentId: string | null
  enabled: boolean
  createdBy: string
  createdAt: Date
  updatedAt: Date
}

export type CustomToolFields = Omit<CustomTool, 'id' | 'createdBy' | 'createdAt' | 'updatedAt'>
export type NewCustomTool = BodyShape<Operations['createCustomTool']>
export type CustomToolChanges = BodyShape<Operations['updateCustomTool']>
export type CustomToolQuery = QueryShape<Operations['listCustomTools']>
