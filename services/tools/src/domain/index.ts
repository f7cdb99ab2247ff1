/** What the tools service is made of; transports and store are written over this. */
export { builtinTools } from './builtin/index.ts'
export {
  availableTools,
  catalogue,
  isEnabled,
  isImplemented,
  type CatalogueEntry,
  type ToolCategory,
  type ToolState,
} from './catalogue.ts'
export { findTool, invokeTool, offeredTools, type InvokeDeps, type InvokeRequest } from './invoke.ts'
export {
  allowedTools,
  calledTool,
  canonicalName,
  isKnownProfile,
  toolGroups,
  toolRulesSchema,
  type PolicyInput,
  type ToolRules,
} from './policy.ts'
export { scrub, scrubDeep, type ScrubOptions } from './scrub.ts'
export { toolError } from './tool-error.ts'
export {
  parametersSchema,
  type AgentFacts,
  type ContextFiles,
  type Memory,
  type TeamFolder,
  type Tool,
  type ToolContext,
  type ToolResult,
} from './tool.ts'
export { createPageCache, type PageCache } from './web/page-cache.ts'
export { domainPolicyOf, domainSettingsSchema, extractorsSchema, type WebAccess } from './web/web-access.ts'
export { sanitiseUserId, tenantFolder, workspacePath, type Workspace, type WorkspaceOwner } from './workspace/index.ts'
