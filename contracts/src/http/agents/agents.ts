import { z } from 'zod'
import { json, okString, slug, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { otherConfig } from './fallbacks.ts'

export const agentParams = z.object({ id: z.string().min(1).max(100).describe('Id or key of the agent') })
const config = json.nullable()

export const agentStatuses = ['active', 'inactive', 'summoning', 'summon_failed'] as const
export const agentTypes = ['open', 'predefined'] as const

const agent = z
  .object({
    id: uuid,
    created_at: timestamp,
    updated_at: timestamp,
    tenant_id: uuid,
    agent_key: z.string(),
    display_name: z.string().optional(),
    frontmatter: z.string().optional(),
    owner_id: z.string(),
    provider: z.string().describe('Name of the provider; empty means the default one'),
    model: z.string(),
    context_window: z.number().int(),
    max_tool_iterations: z.number().int(),
    workspace: z.string(),
    restrict_to_workspace: z.literal(true),
    agent_type: z.enum(agentTypes),
    is_default: z.boolean(),
    status: z.enum(agentStatuses),
    budget_monthly_cents: z.number().int().nullish(),
    tools_config: json.optional(),
    sandbox_config: json.optional(),
    subagents_config: json.optional(),
    memory_config: json.optional(),
    compaction_config: json.optional(),
    context_pruning: json.optional(),
    other_config: json.optional(),
  })
  .meta({ id: 'Agent', description: 'An agent: a prompt, a model and what it may use' })

const agentWritable = z.object({
  agent_key: slug(100).optional(),
  display_name: z.string().max(255).optional(),
  frontmatter: z.string().nullish(),
  provider: z.string().max(50).optional(),
  model: z.string().max(200).optional(),
  context_window: z.number().int().max(2_147_483_647).optional(),
  max_tool_iterations: z.number().int().max(10_000).optional(),
  workspace: z.string().max(1024).optional(),
  agent_type: z.enum(agentTypes).optional(),
  is_default: z.boolean().optional(),
  status: z.enum(agentStatuses).optional(),
  budget_monthly_cents: z.number().int().min(0).max(2_147_483_647).nullish(),
  tools_config: config.optional(),
  sandbox_config: config.optional(),
  subagents_config: config.optional(),
  memory_config: config.optional(),
  compaction_config: config.optional(),
  context_pruning: config.optional(),
  other_config: otherConfig.optional(),
  name: slug(100).optional().describe('Alias of agent_key'),
  description: z.string().max(100_000).optional().describe('Alias of other_config.description'),
  system_prompt: z.string().max(200_000).optional().describe('Kept in other_config.system_prompt'),
  monthly_cents: z.number().int().min(0).max(2_147_483_647).nullish().describe('Alias of budget_monthly_cents'),
})

export const agents = defineHttpTable('agents', {
  listAgents: {
    method: 'GET',
    path: '/v1/agents',
    role: 'viewer',
    summary: 'The agents the calling user may use, newest first',
    rules: {
      requiresUser: 'Without a user id it is answered 400',
      showsWhatMayBeUsed:
        'A user sees own, default and shared agents, and predefined ones that an enabled channel instance opens to them; admins see no more',
      showsAllToSystemOwners: 'A system owner sees every agent of the tenant',
      ordersNewestFirst: 'All come at once, the newest first, and only those of the tenant',
      emptyIsAList: 'Without agents the list is empty, not null',
      showsChangesAtOnce: 'What was changed before the question is in the answer, whichever replica changed it',
    },
    response: { 200: z.object({ agents: z.array(agent) }) },
    errors: [400],
  },
  createAgent: {
    method: 'POST',
    path: '/v1/agents',
    role: 'admin',
    summary: 'Create an agent owned by the calling user',
    rules: {
      requiresUser: 'Without a user id it is answered 400',
      requiresSlug:
        'A key is made of lower-case letters, digits and inner hyphens; anything else is answered 400 naming the field',
      keepsKeysUnique: 'A key that is taken is answered 409; every tenant has keys of its own',
      belongsToCaller: 'The caller is the owner; an id, an owner or times in the body are ignored',
      staysInWorkspace: '`restrict_to_workspace` is true whatever is sent',
      takesTenantFromSystemOwners:
        '`tenant_id` is honoured for a system owner, who may name any tenant that exists; for others it is the tenant of the request',
      hasDefaults:
        'What is left out has defaults: type open, 200000 tokens, 30 iterations, a workspace named after the key, memory on, status active; a window or limit below 1 counts as left out',
      checksTheWayOfItsPool:
        'What `other_config.chatgpt_oauth_routing` wishes must fit the pool of the provider: without a pool only `primary_first` alone, with one either no names or exactly its own; `inherit` and providers that are no ChatGPT accounts are not checked',
      checksFallbacks:
        '`other_config.fallbacks` is a list of at most 8 objects with `provider` and perhaps `model`; anything else is answered 400',
      seedsContextFiles: 'A predefined agent starts with template context files; an open one has none of its own',
      summonsDescribedOnes:
        'A predefined agent with a description is `summoning` at first, whatever status is sent, while a model writes its context files',
      isAudited: 'The creation is an event and an entry of the audit log, agent.created',
      answersTheAgent: 'The answer is the agent as it is stored, with what the server has filled in',
      takesAliases:
        '`name`, `description`, `system_prompt` and `monthly_cents` stand for canonical fields, which win where both are given',
      derivesKeys:
        'Without a key one is made from the display name, letters of other scripts transliterated: `agent-` stands before a reserved word, and before six hex digits where nothing of the name can be used',
      replacesTheDefault:
        'A new default agent takes the place of the one before, for every service as soon as the news has reached it',
      checksNoModel: 'Unknown fields are ignored; neither the provider nor the model need exist',
    },
    body: agentWritable.extend({
      tenant_id: uuid.optional().describe('Honoured for the owner role only'),
    }),
    response: { 201: agent },
    errors: [400, 404, 409],
  },
  getAgent: {
    method: 'GET',
    path: '/v1/agents/{id}',
    role: 'viewer',
    summary: 'One agent by id or key',
    rules: {
      takesIdOrKey: 'A UUID is looked up by id, anything else by key, inside the tenant; a miss is answered 404',
      requiresAccess:
        'A user who neither owns the agent nor shares it is answered 403, unless it is the default one; without a user id the role alone decides',
      answersBareAgent: 'The answer is the agent itself, without an envelope; empty fields are left out',
    },
    params: agentParams,
    response: { 200: agent },
    errors: [404],
  },
  updateAgent: {
    method: 'PUT',
    path: '/v1/agents/{id}',
    role: 'admin',
    ownerOnly: true,
    summary: 'Change the fields that the body names; objects are replaced whole',
    rules: {
      requiresOwnership:
        'Only its owner or a system owner may change an agent, whatever the role; without a user id the role alone decides',
      takesIdOrKey: 'The agent is named by its id or by its key',
      changesWhatIsNamed:
        'Only fields that the body names change; unknown ones are ignored, and so are owner, tenant and `restrict_to_workspace`',
      replacesObjects:
        'A config object is replaced whole; null clears it, and empties `tools_config` and `other_config`',
      movesTheDefault:
        '`is_default: true` takes the mark from the agent that had it, for every service as soon as the news has reached it',
      rewritesTheName:
        'A display name is written into the Name line of the IDENTITY.md at agent level, which is made where it is missing; the rest of the file stays',
      rewritesNamesOfUsers: "The display name of an open agent is also written into every user's own IDENTITY.md",
      actsAtOnce: 'The next run sees the change',
      sharesWorkspaces:
        "Whom `other_config.workspace_sharing` covers, by the kind of chat (`shared_dm`, `shared_group`) or by user id (`shared_users`), works in the agent's own folder; every other user's tools see a folder of their own in it, and nothing beside that",
      announcesStatus:
        'A status that really changes goes out with the event, old and new, so that channel instances of an inactive agent go off',
      validates: 'Key, status and type are checked as at creation, and a key that is taken is answered 409',
      takesAliases: 'The aliases of creation are understood; a description alone keeps the rest of `other_config`',
      acknowledges: 'The answer is an acknowledgement with the text "true"',
      isAudited: 'The change is an event and an entry of the audit log, agent.updated',
    },
    params: agentParams,
    body: agentWritable,
    response: { 200: okString },
    errors: [400, 404, 409],
  },
  deleteAgent: {
    method: 'DELETE',
    path: '/v1/agents/{id}',
    role: 'admin',
    ownerOnly: true,
    summary: 'Delete an agent and all data that hangs on it',
    rules: {
      requiresOwnership: 'Only its owner or a system owner may delete an agent, whatever the role; named by id or key',
      removesWhatHangsOnIt: 'Its sessions, messages, shares and context files are deleted for good',
      removesItsMedia: 'Files that were attached to messages of its sessions are deleted soon after',
      isAudited:
        'The deletion is an event, upon which other services remove what they keep of the agent, and an entry of the audit log, agent.deleted',
      staysDeleted: "A tenant's first default agent that is deleted is not made again",
    },
    params: agentParams,
    response: { 200: okString },
    errors: [404],
  },
})
