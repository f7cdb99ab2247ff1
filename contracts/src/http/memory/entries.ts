import { z } from 'zod'
import { epochMs, idParams, lenient, page, statusIs, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { documentLimitBytes, documentPath, owner, ownerInBody, ownerQuery, ownerRules } from './shared.ts'

const entry = z
  .object({
    id: uuid,
    agent_id: uuid,
    user_id: z.string().optional(),
    path: z.string(),
    // Shown when it is empty too, unlike other optional fields.
    content: z.string().optional().readonly(),
    hash: z.string(),
    created_at: epochMs,
    updated_at: epochMs,
  })
  .meta({ id: 'MemoryEntry', description: 'A memory document addressed by id' })

export const memoryEntries = defineHttpTable('memory', {
  listMemoryEntries: {
    method: 'GET',
    path: '/v1/memory',
    role: 'viewer',
    summary: 'Memory entries: documents addressed by id',
    rules: {
      ...ownerRules,
      listsDocuments: 'Entries are the memory documents of the tenant, whatever they were written by',
      filters: '`agent_id`, `user_id` and `path` narrow the list, alone or together; empty ones do not',
      ordersByChange: 'The entry that changed last comes first, and `total` counts all that match',
      leavesContentOut: 'With `include_content=false` entries come without their texts',
      boundsThePage:
        'The texts of a page are at most 10 MiB in all, from its first entry on; entries behind that come without theirs, which are read one by one',
      capsThePage:
        'A limit above 200 is 200; zero, a negative or an unreadable one is refused, an offset that makes no sense is 0',
      hidesPersonalOnes: 'Who may not name other users sees the shared entries and its own',
      hidesOtherAgents: 'Entries of agents that the caller may not use are neither listed nor counted',
    },
    query: z.object({
      agent_id: z.string().max(100).optional().describe('Only entries of this agent, id or key'),
      user_id: owner.user_id.describe('Only entries of this user'),
      path: lenient(documentPath).describe('Only the entry at this path'),
      include_content: z.stringbool().catch(true).default(true).describe('Whether to send the texts'),
      ...page(50, 200),
    }),
    queryInBody: ownerInBody,
    response: {
      200: z.object({
        entries: z.array(entry),
        total: z.number().int(),
        limit: z.number().int(),
        offset: z.number().int(),
      }),
    },
    errors: [404],
  },
  createMemoryEntry: {
    method: 'POST',
    path: '/v1/memory',
    role: 'operator',
    summary: 'Create a memory entry, or replace the one at its path',
    rules: {
      ...ownerRules,
      choosesTheAgent:
        'The agent is that of the body, else of the header `X-GoClaw-Agent-Id`, else the default one; without any it is 404',
      makesUpAPath: 'An entry without a path gets one of its day and 8 hex digits, below `memory/`',
      answersCreatedOrReplaced:
        'A new entry is answered 201; one that replaces another at its place 200, with the same id',
      survivesEmbeddingFailures: 'A failure to embed does not fail the request',
    },
    query: ownerQuery,
    body: z.object({
      agent_id: z.string().max(100).optional(),
      ...owner,
      path: documentPath.optional(),
      content: z.string().min(1),
    }),
    bodyLimitBytes: documentLimitBytes,
    response: { 200: entry, 201: entry },
    errors: [400, 404],
  },
  deleteMemoryEntry: {
    method: 'DELETE',
    path: '/v1/memory/{id}',
    role: 'operator',
    summary: 'Delete a memory entry by document id',
    rules: {
      ...ownerRules,
      deletesById: 'The entry goes with its chunks; an unknown id is answered 404, one that is no id 400',
      narrowsToAUser: 'With `user_id` only an entry of that user goes; any other is answered 404',
      hidesPersonalOnes: 'An entry of a user whom the caller may not name is answered 404',
      needsAccessToTheAgent: 'Who has no access to the agent of the entry is answered 403',
    },
    params: idParams,
    query: ownerQuery,
    queryInBody: ownerInBody,
    response: { 200: statusIs('deleted') },
    errors: [400, 404],
  },
})
