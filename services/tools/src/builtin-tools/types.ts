/** A built-in tool as it is set: its row, and what the tenant says. What it is comes from the catalogue. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.builtinTools.operations

/** Without its description, which depends on who asks. */
export type ListedTool = Omit<ResponseShape<Operations['getBuiltinTool']['response'][200]>, 'description'>
export type ToolSetting = Pick<
  ListedTool,
  'name' | 'enabled' | 'tenantEnabled' | 'settings' | 'createdAt' | 'updatedAt'
>
export type ToolChanges = BodyShape<Operations['updateBuiltinTool']>
