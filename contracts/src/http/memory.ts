import { z } from 'zod'
import { epochMs, idParams, lenient, page, statusIs, userId, uuid } from './common.ts'
import { defineHttpService } from './operation.ts'

const agentParams = z.object({ agentID: z.string().min(1).max(100).describe('Id or key of the agent') })
const documentLimitBytes = 10_485_760
const documentPath = z.string().min(1).max(500).describe('Path of the document')
const documentParams = agentParams.extend({ path: documentPath })
const owner = z.object({ user_id: userId.default('').describe('Whose documents; empty for the shared ones') })

const documentInfo = z
  .object({
    path: z.string(),
    hash: z.string(),
    agent_id: uuid,
    user_id: z.string().optional(),
    updated_at: epochMs,
  })
  .meta({ id: 'MemoryDocumentInfo', description: 'A memory document without its text' })

const documentDetail = z
  .object({
    path: z.string(),
    content: z.string(),
    hash: z.string(),
    user_id: z.string().optional(),
    chunk_count: z.number().int(),
    embedded_count: z.number().int(),
    created_at: epochMs,
    updated_at: epochMs,
  })
  .meta({ id: 'MemoryDocument', description: 'A memory document with its text' })

const entry = z
  .object({
    id: uuid,
    agent_id: uuid,
    user_id: z.string().optional(),
    path: z.string(),
    content: z.string().optional(),
    hash: z.string(),
    created_at: epochMs,
    updated_at: epochMs,
  })
  .meta({ id: 'MemoryEntry', description: 'A memory document addressed by id' })

export const memory = defineHttpService('memory', {
  listAllMemoryDocuments: {
    method: 'GET',
    path: '/v1/memory/documents',
    role: 'viewer',
    summary: 'Every memory document of the tenant, over all agents and users',
    response: { 200: z.array(documentInfo) },
    errors: [],
  },
  listAgentMemoryDocuments: {
    method: 'GET',
    path: '/v1/agents/{agentID}/memory/documents',
    role: 'viewer',
    summary: 'Memory documents of one agent',
    params: agentParams,
    query: owner,
    response: { 200: z.array(documentInfo) },
    errors: [404],
  },
  getMemoryDocument: {
    method: 'GET',
    path: '/v1/agents/{agentID}/memory/documents/{path...}',
    role: 'viewer',
    summary: 'One memory document with chunk and embedding counts',
    params: documentParams,
    query: owner,
    response: { 200: documentDetail },
    errors: [404],
  },
  putMemoryDocument: {
    method: 'PUT',
    path: '/v1/agents/{agentID}/memory/documents/{path...}',
    role: 'operator',
    summary: 'Create or replace one memory document',
    params: documentParams,
    body: z.object({ content: z.string().default(''), user_id: userId.default('') }),
    bodyLimitBytes: documentLimitBytes,
    response: { 200: z.object({ status: z.literal('ok'), path: z.string() }) },
    errors: [400, 404],
  },
  deleteMemoryDocument: {
    method: 'DELETE',
    path: '/v1/agents/{agentID}/memory/documents/{path...}',
    role: 'operator',
    summary: 'Delete one memory document and its chunks',
    params: documentParams,
    query: owner,
    response: { 200: statusIs('deleted') },
    errors: [404],
  },
  listMemoryChunks: {
    method: 'GET',
    path: '/v1/agents/{agentID}/memory/chunks',
    role: 'viewer',
    summary: 'The chunks of one memory document',
    params: agentParams,
    query: owner.extend({ path: documentPath }),
    response: {
      200: z.array(
        z.object({
          id: uuid,
          start_line: z.number().int(),
          end_line: z.number().int(),
          text_preview: z.string(),
          has_embedding: z.boolean(),
        }),
      ),
    },
    errors: [400, 404],
  },
  indexMemoryDocument: {
    method: 'POST',
    path: '/v1/agents/{agentID}/memory/index',
    role: 'operator',
    summary: 'Rebuild chunks and embeddings of one document',
    params: agentParams,
    body: z.object({ path: documentPath, user_id: userId.default('') }),
    response: { 200: z.object({ status: z.literal('indexed'), path: z.string() }) },
    errors: [400, 404],
  },
  indexAllMemoryDocuments: {
    method: 'POST',
    path: '/v1/agents/{agentID}/memory/index-all',
    role: 'operator',
    summary: 'Rebuild chunks and embeddings of all documents visible to one user',
    params: agentParams,
    body: z.object({ user_id: userId.default('') }).optional(),
    response: { 200: statusIs('indexed_all') },
    errors: [404],
  },
  searchMemory: {
    method: 'POST',
    path: '/v1/agents/{agentID}/memory/search',
    role: 'operator',
    summary: 'Hybrid text and vector search over memory chunks',
    params: agentParams,
    body: z.object({
      query: z.string().min(1).max(20_000),
      user_id: userId.default(''),
      max_results: z.number().int().optional(),
      limit: z.number().int().optional().describe('Alias of max_results'),
      min_score: z.number().default(0),
    }),
    response: {
      200: z.object({
        results: z.array(
          z.object({
            path: z.string(),
            start_line: z.number().int(),
            end_line: z.number().int(),
            score: z.number(),
            snippet: z.string(),
            source: z.literal('memory'),
            scope: z.enum(['global', 'personal']).optional(),
          }),
        ),
        count: z.number().int(),
      }),
    },
    errors: [400, 404],
  },
  listMemoryEntries: {
    method: 'GET',
    path: '/v1/memory',
    role: 'viewer',
    summary: 'Memory entries: documents addressed by id',
    query: z.object({
      agent_id: z.string().max(100).optional().describe('Only entries of this agent, id or key'),
      user_id: lenient(userId).describe('Only entries of this user'),
      path: lenient(documentPath).describe('Only the entry at this path'),
      include_content: z.stringbool().catch(true).default(true).describe('Whether to send the texts'),
      ...page(50, 200),
    }),
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
    body: z.object({
      agent_id: z.string().max(100).optional(),
      user_id: userId.default(''),
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
    params: idParams,
    response: { 200: statusIs('deleted') },
    errors: [400, 404],
  },
})
