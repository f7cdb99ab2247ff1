/** The durable events of the mesh (outbox -> JetStream), with what each tells. */
import { z } from 'zod'
import type { ServiceName } from '../http/operation.ts'
import { agentStatuses } from '../http/agents/agents.ts'
import { webhookOffReasons } from '../http/channels/webhooks.ts'
import { capMetrics, capModes, capPeriods, capScopes } from '../http/traces/usage-caps.ts'
import { span, trace } from '../http/traces/traces.ts'
import { uuid } from '../http/common.ts'

export interface EventDefinition<T extends z.ZodType = z.ZodType> {
  service: ServiceName
  entity: string
  verb: string
  about: string
  data: T
}

const event = <T extends z.ZodType>(
  service: ServiceName,
  entity: string,
  verb: string,
  about: string,
  data: T,
): EventDefinition<T> => ({ service, entity, verb, about, data })

/** The agents of a link. */
const linkedKeys = { sourceAgentKey: z.string(), targetAgentKey: z.string() }

/** What happens while a model writes the files of an agent. */
export const summoningSteps = ['started', 'file_generated', 'completed', 'failed'] as const

/** How a question of an MCP server ends; `cancel` also where nobody answers. */
export const elicitationActions = ['accept', 'decline', 'cancel'] as const

/** What may be decided on a command that waits. */
export const execDecisions = ['allow-once', 'allow-always', 'deny'] as const

/** What a usage cap is about. */
const cappedUsage = {
  scope: z.enum(capScopes),
  subject: z.string(),
  metric: z.enum(capMetrics),
  period: z.enum(capPeriods),
  mode: z.enum(capModes),
  amount: z.number(),
}

const actor = { actorId: z.string(), ipAddress: z.string().optional() }
/**
 * What a change tells: what was changed, who did it and from where. An event with these data is an audit record; what
 * else its data tell are the details.
 */
export const changed = z.object({ id: z.string(), ...actor })

export const usageData = z.object({
  inputTokens: z.number().int(),
  outputTokens: z.number().int(),
  cacheReadTokens: z.number().int(),
  cacheCreationTokens: z.number().int(),
  thinkingTokens: z.number().int(),
})

/** Durable facts, by name. */
export const events = {
  apiKeyCreated: event('identity', 'api_key', 'created', 'An API key was created', changed),
  apiKeyUpdated: event('identity', 'api_key', 'updated', 'The name or the limits of an API key were changed', changed),
  apiKeyRevoked: event('identity', 'api_key', 'revoked', 'An API key was revoked', changed),
  apiKeyRotated: event(
    'identity',
    'api_key',
    'rotated',
    'An API key was replaced by a new one and ends at a deadline',
    changed.extend({ newId: uuid, previousExpiresAt: z.string() }),
  ),
  tenantCreated: event('identity', 'tenant', 'created', 'A tenant was created', changed),
  tenantUpdated: event('identity', 'tenant', 'updated', 'A tenant was changed', changed),
  tenantErased: event('identity', 'tenant', 'erased', 'All rows of a tenant were erased by an operator', changed),
  tenantAccessDenied: event(
    'identity',
    'tenant_access',
    'denied',
    'Somebody who is no member of a tenant asked for something in it, and was refused',
    changed,
  ),
  tenantUserAdded: event(
    'identity',
    'tenant',
    'user.added',
    'A user became a member of a tenant, or got another role in it',
    changed.extend({ userId: z.string(), role: z.string() }),
  ),
  tenantUserRemoved: event(
    'identity',
    'tenant',
    'user.removed',
    'A user is no longer a member of a tenant',
    changed.extend({ userId: z.string() }),
  ),
  // Who asks is not told, as the sender's id is what a paired browser comes in with.
  pairingRequested: event(
    'identity',
    'pairing',
    'requested',
    'A browser or chat account waits to be paired',
    z.object({ id: uuid, channel: z.string() }),
  ),
  pairingApproved: event(
    'identity',
    'pairing',
    'approved',
    'A pairing request was approved',
    changed.extend({ channel: z.string(), deviceId: uuid }),
  ),
  pairingDenied: event(
    'identity',
    'pairing',
    'denied',
    'A pairing request was denied',
    changed.extend({ channel: z.string() }),
  ),
  pairingRevoked: event(
    'identity',
    'pairing',
    'revoked',
    'A paired device lost its access',
    changed.extend({ channel: z.string() }),
  ),
  oidcIssuerCreated: event('identity', 'oidc_issuer', 'created', 'An OIDC issuer was connected to a tenant', changed),
  oidcIssuerUpdated: event('identity', 'oidc_issuer', 'updated', 'An OIDC issuer of a tenant was changed', changed),
  oidcIssuerDeleted: event('identity', 'oidc_issuer', 'deleted', 'An OIDC issuer of a tenant was removed', changed),
  configApplied: event('identity', 'config', 'applied', 'The configuration of the installation was replaced', changed),
  configPatched: event('identity', 'config', 'patched', 'The configuration of the installation was changed', changed),
  systemConfigSet: event('identity', 'system_config', 'set', 'A config value of a tenant was set', changed),
  systemConfigDeleted: event('identity', 'system_config', 'deleted', 'A config value of a tenant was removed', changed),
  agentCreated: event('agents', 'agent', 'created', 'An agent was created', changed),
  agentUpdated: event(
    'agents',
    'agent',
    'updated',
    'An agent was changed',
    changed.extend({
      status: z
        .enum(agentStatuses)
        .optional()
        .describe('Where that changed; what an inactive agent answers in goes off'),
      oldStatus: z.enum(agentStatuses).optional(),
    }),
  ),
  agentDeleted: event('agents', 'agent', 'deleted', 'An agent was deleted', changed.extend({ id: uuid })),
  agentImported: event('agents', 'agent', 'imported', 'An archive was merged into an agent', changed),
  heartbeatSet: event('agents', 'heartbeat', 'set', 'The heartbeat of an agent was set', changed),
  heartbeatToggled: event(
    'agents',
    'heartbeat',
    'toggled',
    'The heartbeat of an agent was switched on or off',
    changed.extend({ enabled: z.boolean() }),
  ),
  heartbeatTested: event('agents', 'heartbeat', 'tested', 'Somebody had a heartbeat run at once', changed),
  heartbeatBegun: event(
    'agents',
    'heartbeat',
    'begun',
    'An agent looks after its checklist',
    z.object({ id: uuid, agentId: uuid, agentKey: z.string() }),
  ),
  heartbeatEnded: event(
    'agents',
    'heartbeat',
    'ended',
    'A heartbeat of an agent ended, or was skipped',
    z.object({
      id: uuid,
      agentId: uuid,
      agentKey: z.string(),
      status: z.enum(['ok', 'suppressed', 'error', 'skipped']),
      error: z.string().optional(),
      reason: z.string().optional(),
    }),
  ),
  agentShared: event(
    'agents',
    'agent',
    'shared',
    'An agent was shared with a user, or the role of a share was changed',
    changed.extend({ id: uuid, userId: z.string(), role: z.string() }),
  ),
  agentShareRevoked: event(
    'agents',
    'agent',
    'share_revoked',
    'An agent is no longer shared with a user',
    changed.extend({ id: uuid, userId: z.string() }),
  ),
  cronCreated: event('agents', 'cron', 'created', 'A job was made that runs at set times', changed),
  cronUpdated: event('agents', 'cron', 'updated', 'A job that runs at set times was changed', changed),
  cronDeleted: event('agents', 'cron', 'deleted', 'A job that runs at set times was deleted', changed),
  cronToggled: event(
    'agents',
    'cron',
    'toggled',
    'A job that runs at set times was switched on or off',
    changed.extend({ enabled: z.boolean() }),
  ),
  cronRun: event(
    'agents',
    'cron',
    'run',
    'Somebody had a job run at once',
    changed.extend({ name: z.string(), userId: z.string() }),
  ),
  cronEnded: event(
    'agents',
    'cron',
    'ended',
    'A run of a job ended, well or not',
    z.object({
      id: z.string(),
      name: z.string(),
      userId: z.string(),
      status: z.enum(['ok', 'error']),
      error: z.string().optional(),
    }),
  ),
  configPermissionGranted: event(
    'agents',
    'config_permission',
    'granted',
    'A user was allowed or denied to change something of an agent from a chat',
    changed.extend({ agentId: uuid, scope: z.string(), configType: z.string(), userId: z.string() }),
  ),
  configPermissionRevoked: event(
    'agents',
    'config_permission',
    'revoked',
    'A rule that allowed or denied a user to change something of an agent was removed',
    changed.extend({ agentId: uuid, scope: z.string(), configType: z.string(), userId: z.string() }),
  ),
  agentLinkCreated: event(
    'agents',
    'agent_link',
    'created',
    'An agent may hand work to another',
    changed.extend({
      ...linkedKeys,
      sourceAgentId: uuid,
      targetAgentId: uuid,
      direction: z.string(),
      status: z.string(),
    }),
  ),
  agentLinkUpdated: event(
    'agents',
    'agent_link',
    'updated',
    'A link between agents was changed',
    changed.extend({
      ...linkedKeys,
      direction: z.string(),
      status: z.string(),
      changes: z.array(z.string()).describe('Fields that were given'),
    }),
  ),
  agentLinkDeleted: event(
    'agents',
    'agent_link',
    'deleted',
    'An agent may hand no more work to another',
    changed.extend(linkedKeys),
  ),
  agentFileSet: event(
    'agents',
    'agent',
    'file_set',
    'A context file of an agent was written',
    changed.extend({ file: z.string() }),
  ),
  agentResummoned: event(
    'agents',
    'agent',
    'resummoned',
    'The files of an agent are to be written by a model',
    changed,
  ),
  agentRegenerated: event(
    'agents',
    'agent',
    'regenerated',
    'The files of an agent are to be changed by a model',
    changed,
  ),
  agentSummonCancelled: event('agents', 'agent', 'summon_cancelled', 'The summoning of an agent was stopped', changed),
  agentSummoning: event(
    'agents',
    'agent',
    'summoning',
    'A step of the summoning of an agent',
    z.object({
      id: uuid,
      type: z.enum(summoningSteps),
      userId: z.string().describe('The owner of the agent'),
      file: z.string().optional(),
      error: z.string().optional(),
    }),
  ),
  agentInstanceFileSet: event(
    'agents',
    'agent_instance',
    'file_set',
    "The file of an agent's user was written",
    changed.extend({ userId: z.string(), file: z.string() }),
  ),
  agentInstanceMetadataUpdated: event(
    'agents',
    'agent_instance',
    'metadata_updated',
    "Metadata of an agent's user were changed",
    changed.extend({ userId: z.string() }),
  ),
  sessionPatched: event(
    'agents',
    'session',
    'patched',
    'A session was changed',
    // Whose it is, and the label that it has now.
    changed.extend({ userId: z.string().optional(), label: z.string().optional() }),
  ),
  sessionBranched: event(
    'agents',
    'session',
    'branched',
    'A session was begun with the messages of another',
    changed.extend({ from: z.string() }),
  ),
  sessionReset: event('agents', 'session', 'reset', 'A session was emptied', changed),
  sessionDeleted: event('agents', 'session', 'deleted', 'A session was deleted', changed),
  sessionTitled: event(
    'agents',
    'session',
    'titled',
    'A conversation was named after what was said in it',
    z.object({ sessionKey: z.string(), label: z.string(), userId: z.string() }),
  ),
  modelPriceSet: event('traces', 'model_price', 'set', 'A tenant said what a model costs it', changed),
  modelPriceDeleted: event('traces', 'model_price', 'deleted', 'A tenant gave up its own price of a model', changed),
  tracesErased: event('traces', 'trace', 'erased', 'The runs of a user, whose id this is, are erased', changed),
  usageCapCreated: event('traces', 'usage_cap', 'created', 'What may be used was capped', changed),
  usageCapUpdated: event(
    'traces',
    'usage_cap',
    'updated',
    'A usage cap was changed',
    changed.extend({ changes: z.array(z.string()) }),
  ),
  usageCapDeleted: event('traces', 'usage_cap', 'deleted', 'A usage cap was deleted', changed),
  usageCapReached: event(
    'traces',
    'usage_cap',
    'reached',
    'So much of a usage cap is used: 50, 80 or 100 % of its amount',
    z.object({
      id: uuid,
      ...cappedUsage,
      percent: z.literal([50, 80, 100]),
      used: z.number(),
      renewsAt: z.string(),
    }),
  ),
  // One event a run, for all who are interested: each more would cost every turn a row and a message.
  runEnded: event(
    'agents',
    'run',
    'ended',
    'An agent run ended, well or not: what came of it, and its trace with all its spans',
    z.object({
      runId: uuid,
      agentId: uuid,
      sessionKey: z.string(),
      userId: z.string(),
      status: z.enum(['completed', 'failed', 'cancelled']),
      error: z.string().optional(),
      usage: usageData,
      // Costs and counts are worked out by traces, from its price table.
      trace: trace.omit({
        total_cost: true,
        total_input_tokens: true,
        total_output_tokens: true,
        span_count: true,
        llm_call_count: true,
        tool_call_count: true,
      }),
      spans: z.array(span.omit({ total_cost: true, tenant_id: true, trace_id: true, created_at: true })),
    }),
  ),
  providerCreated: event('providers', 'provider', 'created', 'A provider was stored', changed),
  providerUpdated: event('providers', 'provider', 'updated', 'A provider was changed', changed),
  providerDeleted: event('providers', 'provider', 'deleted', 'A provider was deleted', changed),
  chatgptLoginStarted: event('providers', 'oauth', 'login_started', 'A ChatGPT account began to sign in', changed),
  chatgptLoggedOut: event('providers', 'oauth', 'logout', 'A ChatGPT account was signed out', changed),
  memoryDocumentStored: event('memory', 'document', 'stored', 'A memory document was written', changed),
  memoryDocumentDeleted: event('memory', 'document', 'deleted', 'A memory document was deleted', changed),
  kgEntityStored: event('memory', 'kg_entity', 'stored', 'An entity of a knowledge graph was written', changed),
  kgEntityDeleted: event('memory', 'kg_entity', 'deleted', 'An entity of a knowledge graph was deleted', changed),
  kgEntityMerged: event(
    'memory',
    'kg_entity',
    'merged',
    'An entity of a knowledge graph was merged into another one',
    changed.extend({ targetId: uuid }),
  ),
  kgIngested: event(
    'memory',
    'knowledge_graph',
    'ingested',
    'What was extracted from a text was stored in the knowledge graph of an agent',
    changed.extend({ entities: z.number().int(), relations: z.number().int() }),
  ),
  kgCandidateDismissed: event(
    'memory',
    'kg_candidate',
    'dismissed',
    'A pair of entities was found to be no duplicate',
    changed,
  ),
  builtinToolUpdated: event('tools', 'builtin_tool', 'updated', 'A built-in tool was switched or set', changed),
  builtinToolTenantConfigSet: event(
    'tools',
    'builtin_tool.tenant_config',
    'set',
    'A tenant switched a built-in tool off or on for itself',
    changed.extend({ enabled: z.boolean() }),
  ),
  builtinToolTenantConfigDeleted: event(
    'tools',
    'builtin_tool.tenant_config',
    'deleted',
    'A tenant took back what it had said about a built-in tool',
    changed,
  ),
  execApprovalRequested: event(
    'tools',
    'exec_approval',
    'requested',
    'A command waits for the word of an operator',
    z.object({ id: uuid, agentId: uuid, userId: z.string() }),
  ),
  execApprovalDecided: event(
    'tools',
    'exec_approval',
    'decided',
    'An operator let a command run, or denied it',
    changed.extend({
      decision: z.enum(execDecisions),
      agentId: uuid,
      userId: z.string(),
      reason: z.string().optional(),
    }),
  ),
  execAllowanceRevoked: event(
    'tools',
    'exec_allowance',
    'revoked',
    'An operator took back that a command of an agent runs without asking',
    changed.extend({ agentId: uuid }),
  ),
  execApprovalLapsed: event(
    'tools',
    'exec_approval',
    'lapsed',
    'A command waits no more and is denied: nobody decided in time, or who waited is gone',
    z.object({ id: uuid, agentId: uuid, userId: z.string(), why: z.enum(['timeout', 'cancelled', 'lost']) }),
  ),
  toolInvoked: event('tools', 'tool', 'invoked', 'A tool was run outside an agent loop', changed),
  storageUploaded: event('tools', 'storage', 'uploaded', 'A file was uploaded', changed),
  storageMoved: event('tools', 'storage', 'moved', 'A file or a folder was moved', changed.extend({ to: z.string() })),
  storageDeleted: event('tools', 'storage', 'deleted', 'A file or a folder was deleted', changed),
  mcpServerCreated: event('tools', 'mcp_server', 'created', 'An MCP server was registered', changed),
  mcpServerUpdated: event('tools', 'mcp_server', 'updated', 'An MCP server was changed', changed),
  mcpServerDeleted: event('tools', 'mcp_server', 'deleted', 'An MCP server was deleted', changed),
  mcpServerReconnected: event(
    'tools',
    'mcp_server',
    'reconnected',
    'Connections to an MCP server were dropped',
    changed,
  ),
  mcpSignInWanted: event(
    'tools',
    'mcp_sign_in',
    'wanted',
    'A user has to sign in to an MCP server before an agent can use it for them',
    z.object({ id: uuid, serverId: uuid, userId: z.string() }),
  ),
  mcpSignedIn: event(
    'tools',
    'mcp_sign_in',
    'completed',
    'A user has signed in to an MCP server',
    z.object({ id: uuid, userId: z.string() }),
  ),
  mcpSignedOut: event(
    'tools',
    'mcp_sign_in',
    'ended',
    'A user is signed out of an MCP server: by themselves, or as their token is good no more',
    z.object({ id: uuid, userId: z.string() }),
  ),
  mcpElicitationRequested: event(
    'tools',
    'mcp_elicitation',
    'requested',
    'An MCP server asks a user something in the middle of a call',
    z.object({ id: uuid, userId: z.string() }),
  ),
  mcpElicitationEnded: event(
    'tools',
    'mcp_elicitation',
    'ended',
    'What an MCP server asked is answered, or waits no more',
    z.object({ id: uuid, userId: z.string(), action: z.enum(elicitationActions) }),
  ),
  mcpServerAgentGranted: event(
    'tools',
    'mcp_server',
    'agent_granted',
    'An agent was granted an MCP server',
    changed.extend({ agentId: uuid }),
  ),
  mcpServerAgentRevoked: event(
    'tools',
    'mcp_server',
    'agent_revoked',
    'An MCP server was taken away from an agent',
    changed.extend({ agentId: uuid }),
  ),
  mcpServerUserGranted: event(
    'tools',
    'mcp_server',
    'user_granted',
    'It was said which tools of an MCP server a user may use',
    changed.extend({ userId: z.string() }),
  ),
  mcpServerUserRevoked: event(
    'tools',
    'mcp_server',
    'user_revoked',
    'What was said of a user and an MCP server was removed',
    changed.extend({ userId: z.string() }),
  ),
  mcpRequestCreated: event(
    'tools',
    'mcp_request',
    'created',
    'Access to an MCP server was asked for',
    changed.extend({ serverId: uuid }),
  ),
  mcpRequestReviewed: event(
    'tools',
    'mcp_request',
    'reviewed',
    'A request for access to an MCP server was decided',
    changed.extend({ serverId: uuid, status: z.string() }),
  ),
  secureCliCreated: event('tools', 'secure_cli', 'created', 'A program was given credentials', changed),
  secureCliUpdated: event('tools', 'secure_cli', 'updated', 'The credentials of a program were changed', changed),
  secureCliDeleted: event('tools', 'secure_cli', 'deleted', 'The credentials of a program were deleted', changed),
  secureCliUserSet: event(
    'tools',
    'secure_cli.user_credentials',
    'set',
    "A user's own credentials for a program were stored",
    changed.extend({ userId: z.string() }),
  ),
  secureCliUserRead: event(
    'tools',
    'secure_cli.user_credentials',
    'read',
    'It was looked up which credentials a user has for a program',
    changed.extend({ userId: z.string() }),
  ),
  secureCliUserDeleted: event(
    'tools',
    'secure_cli.user_credentials',
    'deleted',
    "A user's own credentials for a program were removed",
    changed.extend({ userId: z.string() }),
  ),
  customToolCreated: event('tools', 'custom_tool', 'created', 'A custom tool was made', changed),
  customToolUpdated: event('tools', 'custom_tool', 'updated', 'A custom tool was changed', changed),
  customToolDeleted: event('tools', 'custom_tool', 'deleted', 'A custom tool was deleted', changed),
  channelInstanceCreated: event('channels', 'channel_instance', 'created', 'A channel instance was created', changed),
  channelInstanceUpdated: event('channels', 'channel_instance', 'updated', 'A channel instance was changed', changed),
  channelInstanceDeleted: event('channels', 'channel_instance', 'deleted', 'A channel instance was deleted', changed),
  webhookCreated: event('channels', 'webhook', 'created', 'A webhook was created', changed),
  webhookUpdated: event('channels', 'webhook', 'updated', 'A webhook was changed', changed),
  webhookDeleted: event('channels', 'webhook', 'deleted', 'A webhook was deleted', changed),
  webhookSecretRotated: event('channels', 'webhook', 'secret_rotated', 'A webhook got a new secret', changed),
  webhookReplayed: event(
    'channels',
    'webhook',
    'replayed',
    'Deliveries of a webhook are sent again',
    changed.extend({ deliveries: z.number().int() }),
  ),
  webhookDisabled: event(
    'channels',
    'webhook',
    'disabled',
    'A webhook was switched off by itself: its receiver is gone, or only failed for days',
    z.object({ id: uuid, reason: z.enum(webhookOffReasons) }),
  ),
} as const

export type EventName = keyof typeof events
export type EventData<N extends EventName> = z.output<(typeof events)[N]['data']>
