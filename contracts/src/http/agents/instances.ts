import { z } from 'zod'
import { statusIs, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { agentParams } from './agents.ts'

const instance = z
  .object({
    user_id: z.string(),
    first_seen_at: z.string().describe('RFC 3339, whole seconds'),
    last_seen_at: z.string().describe('RFC 3339, whole seconds'),
    file_count: z.number().int().describe('Context files of the user'),
    metadata: z.record(z.string(), z.string()).optional(),
  })
  .meta({ id: 'AgentInstance', description: 'A user who has talked with an agent' })

const file = z
  .object({ agent_id: uuid, user_id: z.string(), file_name: z.string(), content: z.string() })
  .meta({ id: 'UserContextFile', description: "A context file of an agent's user" })

const instanceParams = agentParams.extend({ userID: userId.min(1).describe('Id of the user') })
const fileName = z.string().min(1).max(255).describe('Name of a context file, such as `USER.md`')
const ownership = 'Only the owner of the agent or a system owner may do it; without a user id the role alone decides'

export const instances = defineHttpTable('agents', {
  listAgentInstances: {
    method: 'GET',
    path: '/v1/agents/{id}/instances',
    role: 'viewer',
    ownerOnly: true,
    summary: 'The users who have talked with an agent, the last one first',
    rules: {
      requiresOwnership: ownership,
      listsWhoTalked:
        'Everybody who has had a run with the agent is listed once, with the number of context files, whoever talked last first; without anybody the list is empty',
      isSeenLately: '`last_seen_at` is the last run, to the minute',
    },
    params: agentParams,
    response: { 200: z.object({ instances: z.array(instance) }) },
    errors: [404],
  },
  listInstanceFiles: {
    method: 'GET',
    path: '/v1/agents/{id}/instances/{userID}/files',
    role: 'viewer',
    ownerOnly: true,
    summary: 'The context files of a user, with their texts',
    rules: { requiresOwnership: ownership, listsAll: 'All come at once, by name; an unknown user has none' },
    params: instanceParams,
    response: { 200: z.object({ files: z.array(file) }) },
    errors: [404],
  },
  getInstanceFile: {
    method: 'GET',
    path: '/v1/agents/{id}/instances/{userID}/files/{fileName}',
    role: 'viewer',
    ownerOnly: true,
    summary: 'One context file of a user',
    rules: { requiresOwnership: ownership, answersMissing404: 'A file that is not there is answered 404' },
    params: instanceParams.extend({ fileName }),
    response: { 200: file },
    errors: [404],
  },
  setInstanceFile: {
    method: 'PUT',
    path: '/v1/agents/{id}/instances/{userID}/files/{fileName}',
    role: 'admin',
    ownerOnly: true,
    summary: "Write a user's USER.md",
    rules: {
      requiresOwnership: ownership,
      writesUserFilesOnly: 'Any other name than `USER.md` is answered 400',
      makesTheUserKnown: 'A user who has not talked with the agent is listed from then on',
      actsAtOnce: 'The next run with the user sees the text; an empty one deletes the file',
      isAudited: 'It is an event and an entry of the audit log, agent_instance.file_set',
    },
    params: instanceParams.extend({ fileName }),
    body: z.object({ content: z.string().default('') }),
    response: { 200: statusIs('updated') },
    errors: [404],
  },
  updateInstanceMetadata: {
    method: 'PATCH',
    path: '/v1/agents/{id}/instances/{userID}/metadata',
    role: 'admin',
    ownerOnly: true,
    summary: 'Merge metadata into what is known of a user',
    rules: {
      requiresOwnership: ownership,
      mergesTexts: 'Keys that are given replace those of their name, others stay; anything but texts is answered 400',
      requiresMetadata: 'Missing or empty metadata are answered 400, and so is what would become more than 64 KiB',
      ignoresStrangers: 'A user who has not talked with the agent is answered 200, and stays unknown',
      isAudited: 'It is an event and an entry of the audit log, agent_instance.metadata_updated',
    },
    params: instanceParams,
    body: z.object({
      metadata: z
        .record(z.string().min(1).max(255), z.string().max(10_000))
        .refine((map) => Object.keys(map).length > 0, 'must not be empty')
        .meta({ minProperties: 1, examples: [{ language: 'de' }] }),
    }),
    response: { 200: statusIs('updated') },
    errors: [404],
  },
})
