import { z } from 'zod'
import { epochMs, statusIs, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { agentParams, documentLimitBytes, documentPath, owner, ownerInBody, ownerQuery, ownerRules } from './shared.ts'

const documentParams = agentParams.extend({ path: documentPath })

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
    embedding_status: z
      .enum(['complete', 'pending', 'failed'])
      .describe('complete: every chunk has its vector; failed: those without one failed and are tried again later'),
    failed_count: z.number().int().describe('Chunks that the embedding provider failed at'),
    embedding_error: z.string().optional().describe('Why the latest of them failed'),
    embedding_retry_at: epochMs.optional().describe('When the next of them is tried again'),
    created_at: epochMs,
    updated_at: epochMs,
  })
  .meta({ id: 'MemoryDocument', description: 'A memory document with its text' })

export const memoryDocuments = defineHttpTable('memory', {
  listAllMemoryDocuments: {
    method: 'GET',
    path: '/v1/memory/documents',
    role: 'viewer',
    summary: 'Memory documents of the tenant, over all agents and users',
    rules: {
      ...ownerRules,
      answersAnArray: 'Answers an array without an envelope, an empty one where there is nothing',
      ordersByChange: 'All documents come at once, the one that changed last first',
      staysInTheTenant: 'Documents of other tenants are not listed, even of an agent with the same id',
      namesAgentAndUser: 'Every document names its agent, and a personal one its user',
      isNoEntry: 'The path is its own: `documents` is never taken for the id of an entry',
      narrowsToAUser: 'With `user_id` come the shared documents and those of that user',
      hidesPersonalOnes: 'Who may not name other users sees the shared documents and its own',
      hidesOtherAgents: 'Documents of agents that the caller may not use are not listed',
    },
    query: ownerQuery,
    queryInBody: ownerInBody,
    response: { 200: z.array(documentInfo) },
    errors: [],
  },
  listAgentMemoryDocuments: {
    method: 'GET',
    path: '/v1/agents/{agentID}/memory/documents',
    role: 'viewer',
    summary: 'Memory documents of one agent',
    rules: {
      ...ownerRules,
      coversAllUsers: 'Without `user_id` come the shared documents and those of all users that the caller may name',
      narrowsToAUser: 'With `user_id` come the shared documents and those of that user',
      ordersByChange: 'Answers an array without an envelope, the document that changed last first',
      hidesPersonalOnes: 'Who may not name other users sees the shared documents and its own',
      takesAgentKeys: 'The agent may be named by its id or by its key; an unknown one is answered 404',
    },
    params: agentParams,
    query: ownerQuery,
    queryInBody: ownerInBody,
    response: { 200: z.array(documentInfo) },
    errors: [404],
  },
  getMemoryDocument: {
    method: 'GET',
    path: '/v1/agents/{agentID}/memory/documents/{path...}',
    role: 'viewer',
    summary: 'One memory document with chunk and embedding counts',
    rules: {
      ...ownerRules,
      readsOneOwner:
        'Without `user_id` the shared document is read; with it that of the user, and never the shared one instead',
      answersUnknown404: 'A document that is not there is answered 404 with its path in the text',
      countsChunks:
        'Says how many chunks the document has, how many of them have a vector, and which could not be embedded',
      takesSlashes: 'Paths may have slashes, spaces and letters of any script, raw or percent-encoded',
    },
    params: documentParams,
    query: ownerQuery,
    queryInBody: ownerInBody,
    response: { 200: documentDetail },
    errors: [404],
  },
  putMemoryDocument: {
    method: 'PUT',
    path: '/v1/agents/{agentID}/memory/documents/{path...}',
    role: 'operator',
    summary: 'Create or replace one memory document',
    rules: {
      ...ownerRules,
      replaces: 'The document at a path is replaced and keeps its creation time; both cases are answered 200',
      keepsOwnersApart: "A user's document and the shared one at the same path are two documents",
      hashesTheText: 'The hash is the first 16 bytes of the SHA-256 of the text, in lower-case hex',
      indexesMarkdown: 'A document is cut and embedded at once when its path ends in `.md`, and only then',
      survivesEmbeddingFailures: 'A failure to embed does not fail the request; vectors come later',
      storesMissingContentAsEmpty: 'A content that is left out is the empty text',
      refusesBadPaths: 'A path that is absolute, leads upwards or has a backslash or a NUL is refused',
      checksTheAgent: 'An agent that is not of the tenant is answered 404',
    },
    params: documentParams,
    query: ownerQuery,
    body: z.object({ content: z.string().default(''), ...owner }),
    bodyLimitBytes: documentLimitBytes,
    response: { 200: z.object({ status: z.literal('ok'), path: z.string() }) },
    errors: [400, 404],
  },
  deleteMemoryDocument: {
    method: 'DELETE',
    path: '/v1/agents/{agentID}/memory/documents/{path...}',
    role: 'operator',
    summary: 'Delete one memory document and its chunks',
    rules: {
      ...ownerRules,
      deletesOneOwner: 'Without `user_id` the shared document goes, with it that of the user and no other',
      removesChunks: 'Its chunks go with it',
      answersUnknown404: 'A document that is not there is answered 404 with its path in the text',
    },
    params: documentParams,
    query: ownerQuery,
    queryInBody: ownerInBody,
    response: { 200: statusIs('deleted') },
    errors: [404],
  },
  indexMemoryDocument: {
    method: 'POST',
    path: '/v1/agents/{agentID}/memory/index',
    role: 'operator',
    summary: 'Rebuild chunks and embeddings of one document',
    rules: {
      ...ownerRules,
      rebuildsAtOnce: 'Chunks are cut and embedded again before the answer, of any document, Markdown or not',
      embedsOnlyNewTexts: 'Only texts whose vector is not known yet are sent to the embedding provider',
      survivesEmbeddingFailures: 'Texts that cannot be embedded are stored without vectors and found by their words',
      answersUnknown404: 'A document that is not there is answered 404',
    },
    params: agentParams,
    query: ownerQuery,
    body: z.object({ path: documentPath, ...owner }),
    response: { 200: z.object({ status: z.literal('indexed'), path: z.string() }) },
    errors: [400, 404],
  },
  indexAllMemoryDocuments: {
    method: 'POST',
    path: '/v1/agents/{agentID}/memory/index-all',
    role: 'operator',
    summary: 'Rebuild chunks and embeddings of all documents visible to one user',
    rules: {
      ...ownerRules,
      takesAnyBody: 'A body that is left out or cannot be read counts as an empty one',
      coversWhatTheUserSees:
        'Covers the shared documents and those of the named user, or else of the caller, and no others',
      goesOnAfterFailures: 'A document that cannot be indexed does not stop those after it',
    },
    params: agentParams,
    query: ownerQuery,
    body: z.object(owner).optional(),
    lenientBody: true,
    response: { 200: statusIs('indexed_all') },
    errors: [404],
  },
})
