import { z } from 'zod'
import { agentStatuses, agentTypes } from '../../http/agents/agents.ts'
import { otherConfig } from '../../http/agents/fallbacks.ts'
import { json, okBool, userId, uuid } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

const agentId = z.string().min(1).max(100).describe('Key or id of the agent')
const ownership = 'Only the owner of the agent or a system owner may do it; without a user id the role alone decides'
const config = json.nullish()
const count = z.number().int().max(2_147_483_647).optional()

const settings = {
  workspace: z.string().max(1024).optional(),
  provider: z.string().max(50).optional(),
  model: z.string().max(200).optional(),
  context_window: count,
  max_tool_iterations: z.number().int().max(10_000).optional(),
  budget_monthly_cents: z.number().int().min(0).max(2_147_483_647).nullish(),
  tools_config: config,
  subagents_config: config,
  sandbox_config: config,
  memory_config: config,
  compaction_config: config,
  context_pruning: config,
  other_config: otherConfig.optional(),
}
const avatar = z.string().max(500).optional()

const listed = z.object({
  id: z.string().describe('Key of the agent'),
  key: z.string(),
  uuid,
  name: z.string(),
  model: z.string(),
  provider: z.string(),
  agentType: z.enum(agentTypes),
  status: z.literal('active'),
  isRunning: z.boolean(),
})

/** Files that the methods know, in the order in which they are listed. */
export const knownContextFiles = [
  'AGENTS.md',
  'SOUL.md',
  'IDENTITY.md',
  'USER.md',
  'USER_PREDEFINED.md',
  'BOOTSTRAP.md',
  'MEMORY.json',
  'HEARTBEAT.md',
] as const
const fileName = z.enum(knownContextFiles)
const fileOf = { agentId: agentId.default('default') }
const agentFile = z.object({
  name: fileName,
  missing: z.boolean(),
  size: z.number().int().optional().describe('Bytes'),
  content: z.string().optional(),
})
const fileAliases = { agentId: ['agent_id'], name: ['file_name', 'fileName'] }
const needsAccess = 'Whoever may use the agent may read them; others are answered UNAUTHORIZED'

export const agentMethods = defineWsTable('agents', {
  'agents.list': {
    role: 'viewer',
    summary: 'The active agents that the user may use, newest first',
    rules: {
      showsWhatMayBeUsed: 'It shows what GET /v1/agents does, of the active ones, and whether each is at work',
      requiresUser: 'Without a user id it is answered INVALID_REQUEST',
    },
    params: z.object({}),
    result: z.object({ agents: z.array(listed) }),
    errors: [],
  },
  'agents.create': {
    role: 'admin',
    summary: 'Create an agent',
    rules: {
      derivesTheKey: 'The key is made of the name as over HTTP; one that is taken is answered ALREADY_EXISTS',
      namesItsOwner:
        'The first of `owner_ids` is the owner, else the caller, else `system`; who is bound to a user names nobody else',
      writesIdentity: 'IDENTITY.md has the name, and emoji and avatar where they are given',
      hasDefaults: 'What is left out has the defaults of POST /v1/agents',
    },
    params: z.object({
      name: z.string().trim().min(1).max(255),
      emoji: z.string().max(100).optional(),
      avatar,
      agent_type: z.enum(agentTypes).default('open'),
      owner_ids: z.array(userId).max(100).optional(),
      tenant_id: uuid.optional().describe('Honoured for the owner role only'),
      ...settings,
    }),
    result: z.object({
      ok: z.literal(true),
      agentId: z.string().describe('Key of the agent'),
      name: z.string(),
      workspace: z.string(),
    }),
    errors: ['ALREADY_EXISTS', 'NOT_FOUND'],
  },
  'agents.update': {
    role: 'admin',
    summary: 'Change an agent',
    rules: {
      requiresOwnership: ownership,
      changesWhatIsNamed: 'Empty texts and what is not named stay as they are; config objects are replaced whole',
      rewritesIdentity: 'Name and avatar are written into IDENTITY.md too',
    },
    params: z.object({
      agentId,
      name: z.string().max(255).optional(),
      avatar,
      status: z.enum([...agentStatuses, '']).optional(),
      frontmatter: z.string().optional(),
      is_default: z.boolean().optional(),
      ...settings,
    }),
    aliases: { agentId: ['agent_id', 'id'] },
    result: z.object({ ok: z.literal(true), agentId: z.string().describe('Key of the agent') }),
    errors: ['NOT_FOUND', 'ALREADY_EXISTS'],
  },
  'agents.delete': {
    role: 'admin',
    summary: 'Delete an agent',
    rules: {
      requiresOwnership: ownership,
      keepsTheDefault: 'The agent called `default` is not deleted: INVALID_REQUEST',
      removesFiles:
        'Its workspace goes too, unless `deleteFiles` is false; a workspace elsewhere than where the agent was given one stays',
    },
    params: z.object({ agentId, deleteFiles: z.boolean().default(true) }),
    aliases: { agentId: ['agent_id', 'id'], deleteFiles: ['delete_files'] },
    result: okBool.extend({ agentId: z.string(), removedBindings: z.literal(0) }),
    errors: ['NOT_FOUND'],
  },
})

export const agentFiles = defineWsTable('agents', {
  'agents.files.list': {
    role: 'viewer',
    summary: 'The context files at agent level',
    rules: {
      needsAccess,
      listsAllNames: 'All known names come in a fixed order, with `missing` for those that are not there',
    },
    params: z.object(fileOf),
    aliases: { agentId: ['agent_id'] },
    result: z.object({ agentId: z.string(), files: z.array(agentFile) }),
    errors: ['NOT_FOUND'],
  },
  'agents.files.get': {
    role: 'viewer',
    summary: 'One context file at agent level',
    rules: {
      needsAccess,
      tellsMissing: 'A file that is not there is answered with `missing`, any other name INVALID_REQUEST',
    },
    params: z.object({ ...fileOf, name: fileName }),
    aliases: fileAliases,
    result: z.object({ agentId: z.string(), file: agentFile }),
    errors: ['NOT_FOUND'],
  },
  'agents.files.set': {
    role: 'admin',
    summary: 'Write a context file at agent level',
    rules: {
      requiresOwnership: ownership,
      actsAtOnce: 'The next run sees the text; an empty one deletes the file',
      propagates: 'With `propagate` the copies that users have get the text too, and `propagated` counts them',
      isAudited: 'It is an entry of the audit log, agent.file_set',
    },
    params: z.object({
      ...fileOf,
      name: fileName,
      content: z.string().default(''),
      propagate: z.boolean().default(false),
    }),
    aliases: fileAliases,
    result: z.object({ agentId: z.string(), file: agentFile, propagated: z.number().int() }),
    errors: ['NOT_FOUND'],
  },
})
