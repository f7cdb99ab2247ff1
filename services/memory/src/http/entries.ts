import type { http } from '@clawmesh/contracts'
import { reply, type Handlers } from '@clawmesh/chassis'
import type { DocumentUseCases } from '../domain/documents.ts'
import type { EntryUseCases } from '../domain/entries.ts'
import { toEntry } from './wire.ts'

export const createEntryHandlers = (
  entries: EntryUseCases,
  documents: DocumentUseCases,
): Handlers<typeof http.memory, 'listMemoryEntries' | 'createMemoryEntry' | 'deleteMemoryEntry'> => ({
  listMemoryEntries: async ({ call, query }) => {
    const { limit, offset, include_content: includeContent } = query
    const { documents: found, total } = await entries.list(
      call,
      { agent: query.agent_id ?? '', userId: query.user_id ?? '', path: query.path },
      { limit, offset, includeContent },
    )
    return { entries: found.map(toEntry), total, limit, offset }
  },

  createMemoryEntry: async ({ call, body, headers }) => {
    const named = headers['x-goclaw-agent-id']
    const { document, created } = await entries.create(call, {
      agent: body.agent_id || (typeof named === 'string' ? named : ''),
      userId: body.user_id,
      path: body.path,
      content: body.content,
    })
    return reply(created ? 201 : 200, toEntry(document))
  },

  deleteMemoryEntry: async ({ call, params }) => {
    await documents.deleteById(call, params.id)
    return { status: 'deleted' }
  },
})
