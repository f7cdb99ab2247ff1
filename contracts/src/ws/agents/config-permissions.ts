import { z } from 'zod'
import { json, okBool, timestamp, userId, uuid } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

const agentId = z.string().min(1).max(100).describe('Id or key of the agent')
const scope = z
  .string()
  .min(1)
  .max(255)
  .describe('Where it holds: `agent`, `*`, `group:*`, or `group:<channel>:<chat id>`')
const configType = z
  .string()
  .min(1)
  .max(50)
  .describe('What it is about: `heartbeat`, `cron`, `context_files`, `file_writer`, or `*`')
const permission = z.enum(['allow', 'deny'])
const named = { agentId, scope, configType, userId: userId.min(1) }
const aliases = { configType: ['key'] } as const

const configPermission = z.object({
  id: uuid,
  agentId: uuid,
  scope,
  configType,
  userId,
  permission,
  grantedBy: userId,
  metadata: json,
  createdAt: timestamp,
  updatedAt: timestamp,
})

const takesIdOrKey = 'The agent is named by its id or by its key; one of another tenant is answered NOT_FOUND'

export const configPermissions = defineWsTable('agents', {
  'config.permissions.list': {
    role: 'admin',
    summary: 'Who may change what of an agent from a chat',
    rules: {
      takesIdOrKey,
      narrowsToAKind: '`configType` keeps the rules about that; the oldest comes first',
    },
    params: z.object({ agentId, configType: configType.optional() }),
    result: z.object({ permissions: z.array(configPermission) }),
    errors: ['NOT_FOUND'],
  },
  'config.permissions.grant': {
    role: 'admin',
    summary: 'Add a rule that allows or denies, or replace the one that there is',
    rules: {
      takesIdOrKey,
      replacesTheRule:
        'Of an agent, scope, kind and user there is one rule; granted again it has the new permission, granter and metadata',
      remembersTheGranter: '`grantedBy` is the caller unless it is named',
      readsOlderNames: '`configType` may be called `key`, and all params may be written in snake_case',
      letsWriteInGroups:
        'In a group only whom a rule about `file_writer` allows it changes who the agent is and whom it works for; others do not have its SOUL.md and AGENTS.md in their turns',
      isAudited: 'It is an entry of the audit log, config_permission.granted',
    },
    params: z.object({ ...named, permission, grantedBy: userId.optional(), metadata: json.default({}) }),
    aliases,
    result: okBool,
    errors: ['NOT_FOUND'],
  },
  'config.permissions.revoke': {
    role: 'admin',
    summary: 'Remove a rule; fine where there is none',
    rules: {
      takesIdOrKey,
      removesTheRule: 'The rule is gone; one that is not there is fine, and nothing is recorded',
      isAudited: 'It is an entry of the audit log, config_permission.revoked',
    },
    params: z.object(named),
    aliases,
    result: okBool,
    errors: ['NOT_FOUND'],
  },
})
