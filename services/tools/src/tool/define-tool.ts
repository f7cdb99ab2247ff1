/** How a tool is declared, once: catalogue, policy groups, settings and availability are derived from this. */
import type { MessageKey } from '@clawmesh/contracts'
import type { z } from 'zod'
import { requirePorts, type PortName } from './ports.ts'
import type { Ports, Tool, ToolContext, ToolResult } from './tool.ts'

/** Tools that people are given a description of: the messages `core.tool.<name>`. */
export type ToolName = MessageKey extends infer K ? (K extends `core.tool.${infer N}` ? N : never) : never

export type ToolCategory =
  | 'filesystem'
  | 'runtime'
  | 'web'
  | 'memory'
  | 'media'
  | 'browser'
  | 'sessions'
  | 'messaging'
  | 'scheduling'
  | 'subagents'
  | 'skills'
  | 'teams'
  | 'general'

/** What `group:<name>` of a policy may name. Every tool with a group is in `goclaw` too. */
export type ToolGroup =
  'memory' | 'web' | 'fs' | 'runtime' | 'sessions' | 'ui' | 'automation' | 'messaging' | 'team' | 'goclaw'

/** What an installation would have to have for tools that nothing here runs yet. */
export type Capability = 'channels' | 'managed_mode' | 'skills' | 'subagents' | 'teams'

/** What people see of a tool, beside its description. */
interface Listing<Need extends string> {
  name: ToolName
  displayName: string
  category: ToolCategory
  groups: readonly ToolGroup[]
  needs: readonly Need[]
  /** Whether it is switched on until somebody says otherwise; default yes. */
  enabled?: boolean
  /** Until somebody replaces them. */
  settings?: Record<string, unknown>
  /** Where in the dashboard it is configured. */
  configHint?: string
}

/** A tool of the catalogue. One that nothing here runs yet says so by its needs, and has no `tool`. */
export interface BuiltinTool extends Required<Omit<Listing<PortName | Capability>, 'configHint'>> {
  metadata: Record<string, unknown>
  tool?: Tool
}

interface Definition<Parameters extends z.ZodObject, Need extends PortName> extends Listing<Need> {
  /** For the model. */
  description: string
  parameters: Parameters
  /** For one that takes longer than others: how long a call may take, in milliseconds. */
  timeoutMs?: number
  /** @throws TOOL_ERROR with a text for the model; of anything else no more than a code is shown */
  run: (args: z.output<Parameters>, context: ToolContext & Pick<Ports, Need>) => Promise<ToolResult>
}

const listed = ({ configHint, settings = {}, enabled = true, ...listing }: Listing<PortName | Capability>) => ({
  ...listing,
  enabled,
  settings,
  metadata: configHint === undefined ? {} : { config_hint: configHint },
})

/** Declares a tool. `run` gets the ports that it needs; a call that lacks one fails before it, naming what is missing. */
export const defineTool = <Parameters extends z.ZodObject, const Need extends PortName = never>({
  description,
  parameters,
  timeoutMs,
  run,
  ...listing
}: Definition<Parameters, Need>): BuiltinTool & { tool: Tool } => {
  const { name, needs } = listing
  const tool: Tool<Parameters> = {
    name,
    description,
    parameters,
    timeoutMs,
    run: async (args, context) => run(args, requirePorts(name, context, needs)),
  }
  return { ...listed(listing), tool }
}

/** Declares a tool that clients know of and nothing here runs yet: switched off until it is, and saying what it needs. */
export const planTool = (
  listing: Omit<Listing<Capability>, 'needs' | 'enabled'> & { needs: readonly [Capability, ...Capability[]] },
): BuiltinTool => ({ ...listed(listing), enabled: false })
