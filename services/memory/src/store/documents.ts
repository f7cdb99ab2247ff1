/** Documents as lists and single rows; writing them is in write.ts. */
import type { DocumentHead, DocumentKey, MemoryDocument } from '../domain/types.ts'
import type { PrismaClient } from './client/client.ts'

const headFields = {
  id: true,
  agentId: true,
  userId: true,
  path: true,
  hash: true,
  createdAt: true,
  updatedAt: true,
} as const
const newestFirst = [{ updatedAt: 'desc' }, { id: 'desc' }] as const

export interface DocumentFilter {
  agentId?: string
  /** Any of these owners; an empty one stands for the agent as a whole. */
  userIds?: readonly string[]
  path?: string
}

export interface Page {
  limit: number
  offset: number
  includeContent: boolean
}

const whereOf = (tenantId: string, { agentId, userIds, path }: DocumentFilter) => ({
  tenantId,
  ...(agentId === undefined ? {} : { agentId }),
  ...(userIds === undefined ? {} : { userId: { in: [...userIds] } }),
  ...(path === undefined ? {} : { path }),
})

export const createDocumentStore = (prismaOf: (tenantId: string) => PrismaClient) => (tenantId: string) => {
  const prisma = prismaOf(tenantId)
  return {
    list: (filter: DocumentFilter): Promise<DocumentHead[]> =>
      prisma.document.findMany({
        where: whereOf(tenantId, filter),
        select: headFields,
        orderBy: [...newestFirst],
      }),

    page: async (
      filter: DocumentFilter,
      { limit, offset, includeContent }: Page,
    ): Promise<{ documents: (DocumentHead & { content?: string })[]; total: number }> => {
      const where = whereOf(tenantId, filter)
      const [documents, total] = await Promise.all([
        prisma.document.findMany({
          where,
          select: includeContent ? { ...headFields, content: true } : headFields,
          orderBy: [...newestFirst],
          take: limit,
          skip: offset,
        }),
        prisma.document.count({ where }),
      ])
      return { documents, total }
    },

    find: async ({ agentId, userId, path }: DocumentKey): Promise<MemoryDocument | undefined> => {
      return (await prisma.document.findFirst({ where: { tenantId, agentId, userId, path } })) ?? undefined
    },
  }
}
