/** Rows of context files: an agent's own, and each of its users'. */
import { event, type PrismaTx, type ServiceDb } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { storeContextFile } from './store.ts'
import { contextTemplates } from './templates.ts'
import type { ContextFileRows } from './use-cases.ts'

/** The line of IDENTITY.md that names the agent; newline-sensitive, as PostgreSQL writes it. */
const nameLine = String.raw`(?n)^([ \t]*(?:[-*][ \t]+)?(?:Name:|\*\*Name:\*\*|\*\*Name\*\*:))[^\n]*$`

/**
 * Writes an agent's display name into the Name line of its IDENTITY.md, which is made where it is missing, and of its
 * users' copies where it is open. Everything else in the files stays.
 */
export const renameInIdentityFiles = async (
  tx: PrismaTx<PrismaClient>,
  { tenantId, id: agentId, agentType, displayName }: Pick<Agent, 'tenantId' | 'id' | 'agentType' | 'displayName'>,
): Promise<void> => {
  const fileName = 'IDENTITY.md'
  const name = displayName.split(/\s+/).filter(Boolean).join(' ')
  const replacement = `\\1 ${name.replaceAll('\\', '\\\\')}`
  const added = `\n- **Name:** ${name}\n`
  await tx.contextFile.createMany({
    data: [{ tenantId, agentId, userId: '', fileName, content: contextTemplates[fileName] }],
    skipDuplicates: true,
  })
  await tx.$executeRaw`
    UPDATE agents.context_files SET
      content = CASE
        WHEN content ~ ${nameLine} THEN regexp_replace(content, ${nameLine}, ${replacement})
        ELSE rtrim(content, E'\n') || ${added} END,
      updated_at = now()
    WHERE tenant_id = ${tenantId}::uuid AND agent_id = ${agentId}::uuid AND file_name = ${fileName}
      AND (user_id = '' OR ${agentType === 'open'})`
}

export const createContextFileRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): ContextFileRows => {
    const { prisma, sql, change } = db.forTenant(tenantId)
    const evict = [{ kind: 'context_files', tenantId }] as const
    return {
      list: async (agentId, userId) =>
        (
          await prisma.contextFile.findMany({
            where: { tenantId, agentId, userId: { in: userId === '' ? [''] : ['', userId] } },
            orderBy: { userId: 'asc' },
          })
        ).map((row) => ({ userId: row.userId, name: row.fileName, content: row.content })),

      set: (agentId, { userId, name: fileName, content }) =>
        change(async (tx) => {
          await storeContextFile(tx, { tenantId, agentId, userId, fileName, content })
          return { result: undefined, evict }
        }),

      write: (agentId, { name: fileName, content }, { propagate, actor }) =>
        change(async (tx) => {
          const copies = { tenantId, agentId, fileName, userId: { not: '' } }
          await storeContextFile(tx, { tenantId, agentId, userId: '', fileName, content })
          const propagated = !propagate
            ? 0
            : content === ''
              ? (await tx.contextFile.deleteMany({ where: copies })).count
              : (await tx.contextFile.updateMany({ where: copies, data: { content } })).count
          return {
            result: propagated,
            events: [event('agentFileSet', { id: agentId, file: fileName, ...actor })],
            evict,
          }
        }),

      seed: (agentId, files) =>
        change(async (tx) => {
          await tx.contextFile.createMany({
            data: files.map(({ userId, name: fileName, content }) => ({
              tenantId,
              agentId,
              userId,
              fileName,
              content,
            })),
            skipDuplicates: true,
          })
          return { result: undefined, evict }
        }),

      countTurn: async (agentId, { userId, name }) => {
        const { rows } = await sql.query<{ turns: number }>(
          `UPDATE agents.context_files SET turns = turns + 1
           WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND file_name = $4 RETURNING turns`,
          [tenantId, agentId, userId, name],
        )
        return rows[0]?.turns ?? 0
      },
    }
  }
