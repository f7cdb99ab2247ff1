/** Documents as entries of a journal: listed over all agents, and written without naming a path. */
import { randomBytes } from 'node:crypto'
import type { http } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call, type QueryShape } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import type { UsableAgents } from '../agents/usable-agents.ts'
import { checkPath, checkText, documentNotFound } from '../documents/check.ts'
import { visibleOwners } from '../documents/owners.ts'
import type { DocumentFilter, DocumentHead } from '../documents/types.ts'
import type { DocumentUseCases } from '../documents/use-cases.ts'

type EntryQuery = QueryShape<typeof http.memoryEntries.operations.listMemoryEntries>

export interface Page extends Pick<EntryQuery, 'limit' | 'offset'> {
  includeContent: boolean
}

/** The rows of one tenant. */
export interface EntryRows {
  /** One page, the entry that changed last first, and how many match in all. Contents that would be too much together are left out. */
  page: (
    filter: DocumentFilter,
    page: Page,
  ) => Promise<{ documents: (DocumentHead & { content?: string | undefined })[]; total: number }>
  /** The agents that have such documents. */
  agentsWith: (filter: DocumentFilter) => Promise<string[]>
  /** The agent of a document of some owners (undefined: of anybody); undefined when there is none. */
  agentOf: (id: string, userIds: readonly string[] | undefined) => Promise<string | undefined>
  /** Deletes a document of some owners (undefined: of anybody) with its chunks; whether there was one. */
  deleteById: (id: string, userIds: readonly string[] | undefined, actor: Actor) => Promise<boolean>
}

interface Parts {
  rowsOf: (tenantId: string) => EntryRows
  documents: Pick<DocumentUseCases, 'put'>
  findAgent: FindAgent
  usableAgents: UsableAgents
}

/** No list is that long, and the database counts no further. */
const highestOffset = 2_147_483_647

/** `memory/<day>-<8 hex digits>.md` */
const newEntryPath = (now: Date): string =>
  `memory/${now.toISOString().slice(0, 10)}-${randomBytes(4).toString('hex')}.md`

/** The named user alone; without one, all whom the caller may name. */
const ownersOf = ({ caller }: Call, userId: string): string[] | undefined =>
  userId === '' ? visibleOwners(caller) : [checkText('user_id', userId)]

export const createEntryUseCases = ({ rowsOf, documents, findAgent, usableAgents }: Parts) => ({
  /** Empty filters filter nothing. @throws NOT_FOUND for an unknown agent */
  list: async (call: Call, { agentId: agent, userId, path, ...page }: EntryQuery & { userId: string }) => {
    const filter = { userIds: ownersOf(call, userId), path: path === undefined ? undefined : checkPath(path) }
    return rowsOf(call.caller.tenantId).page(
      {
        ...filter,
        agentIds: agent
          ? [(await findAgent(call, agent)).id]
          : await usableAgents(call, await rowsOf(call.caller.tenantId).agentsWith(filter)),
      },
      { ...page, offset: Math.min(page.offset, highestOffset) },
    )
  },

  /** Without an agent the default one is meant. @throws NOT_FOUND, INVALID_REQUEST */
  create: async (
    call: Call,
    {
      agent,
      userId,
      path = newEntryPath(new Date()),
      content,
    }: { agent: string; userId: string; path?: string | undefined; content: string },
  ) => documents.put(call, await findAgent(call, agent), { userId, path, content }),

  /** @throws NOT_FOUND, also for an entry of somebody whom the caller may not name; FORBIDDEN without access to its agent */
  delete: async (call: Call, id: string, userId: string): Promise<void> => {
    const { agentOf, deleteById } = rowsOf(call.caller.tenantId)
    const owners = ownersOf(call, userId)
    const agentId = await agentOf(id, owners)
    if (agentId === undefined) throw documentNotFound(id)
    await findAgent(call, agentId)
    if (!(await deleteById(id, owners, actorOf(call)))) throw documentNotFound(id)
  },
})

export type EntryUseCases = ReturnType<typeof createEntryUseCases>
