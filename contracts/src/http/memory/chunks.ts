import { z } from 'zod'
import { uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { agentParams, documentPath, ownerInBody, ownerQuery, ownerRules } from './shared.ts'

export const memoryChunks = defineHttpTable('memory', {
  listMemoryChunks: {
    method: 'GET',
    path: '/v1/agents/{agentID}/memory/chunks',
    role: 'viewer',
    summary: 'The chunks of one memory document',
    rules: {
      ...ownerRules,
      requiresAPath: 'A request without `path` is refused',
      ordersByLine: 'Chunks come in the order of their lines',
      answersUnknownWithNone: 'A document that is not there has no chunks: the answer is an empty array',
      showsTheWholeText: '`text_preview` is the whole text of the chunk',
    },
    params: agentParams,
    query: ownerQuery.extend({ path: documentPath }),
    queryInBody: ownerInBody,
    response: {
      200: z.array(
        z.object({
          id: uuid,
          start_line: z.number().int(),
          end_line: z.number().int(),
          text_preview: z.string(),
          has_embedding: z.boolean(),
          embedding_error: z.string().optional().describe('Why the last try to embed it failed'),
        }),
      ),
    },
    errors: [400, 404],
  },
})
