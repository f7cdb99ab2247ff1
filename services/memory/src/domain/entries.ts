/** Documents as entries of a journal: listed over all agents, and written without naming a path. */
import { randomBytes } from 'node:crypto'
import type { Call } from '@clawmesh/chassis'
import type { Page } from '../store/documents.ts'
import type { MemoryStore } from '../store/store.ts'
import { checkPath, checkText } from './check.ts'
import type { DocumentUseCases } from './documents.ts'
import type { FindAgent } from './ports.ts'

interface Parts {
  store: MemoryStore
  documents: DocumentUseCases
  findAgent: FindAgent
}

/** No list is that long, and the database counts no further. */
const highestOffset = 2_147_483_647

/** `memory/<day>-<8 hex digits>.md` */
export const newEntryPath = (now: Date): string =>
  `memory/${now.toISOString().slice(0, 10)}-${randomBytes(4).toString('hex')}.md`

export const createEntryUseCases = ({ store, documents, findAgent }: Parts) => ({
  /** Empty filters filter nothing. @throws NOT_FOUND for an unknown agent */
  list: async (call: Call, filter: { agent: string; userId: string; path: string | undefined }, page: Page) => {
    const { agent, userId, path } = filter
    return store.documents(call.caller.tenantId).page(
      {
        ...(agent === '' ? {} : { agentId: (await findAgent(call, agent)).id }),
        ...(userId === '' ? {} : { userIds: [checkText('user_id', userId)] }),
        ...(path === undefined ? {} : { path: checkPath(path) }),
      },
      { ...page, offset: Math.min(page.offset, highestOffset) },
    )
  },

  /** Without an agent the default one is meant. @throws NOT_FOUND, INVALID_REQUEST */
  create: async (call: Call, entry: { agent: string; userId: string; path: string | undefined; content: string }) => {
    const { agent, userId, path = newEntryPath(new Date()), content } = entry
    return documents.put(call, await findAgent(call, agent), { userId, path, content })
  },
})

export type EntryUseCases = ReturnType<typeof createEntryUseCases>
