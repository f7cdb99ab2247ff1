import { http } from '@clawmesh/contracts'
import { implementHttp, reply } from '@clawmesh/chassis'
import { withEpochTimes } from '../documents/epoch-times.ts'
import { ownerNamed } from '../documents/owners.ts'
import type { EntryUseCases } from './use-cases.ts'

const toEntry = <D extends { createdAt: Date; updatedAt: Date; content?: string | undefined }>(document: D) => ({
  ...withEpochTimes(document),
  content: document.content,
})

export const createEntryHttp = (entries: EntryUseCases) =>
  implementHttp(http.memoryEntries)({
    listMemoryEntries: async ({ call, caller, query }) => {
      const { documents, total } = await entries.list(call, { ...query, userId: ownerNamed(caller, { query }) })
      return { ...query, entries: documents.map(toEntry), total }
    },

    createMemoryEntry: async ({ call, caller, query, body, headers }) => {
      const named = headers['x-goclaw-agent-id']
      const { document, created } = await entries.create(call, {
        ...body,
        agent: body.agentId || (typeof named === 'string' ? named : ''),
        userId: ownerNamed(caller, { body, query }),
      })
      return reply(created ? 201 : 200, toEntry(document))
    },

    deleteMemoryEntry: async ({ call, caller, params, query }) => {
      await entries.delete(call, params.id, ownerNamed(caller, { query }))
      return { status: 'deleted' }
    },
  })
