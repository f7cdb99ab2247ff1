/** Stores one context file, inside whatever changes it. */
import type { PrismaTx } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'

interface StoredFile {
  tenantId: string
  agentId: string
  /** Empty for the agent's own. */
  userId: string
  fileName: string
  content: string
}

/** Writes or replaces a file; an empty text deletes it. */
export const storeContextFile = async (
  tx: PrismaTx<PrismaClient>,
  { tenantId, agentId, userId, fileName, content }: StoredFile,
): Promise<void> => {
  const name = { agentId, userId, fileName }
  if (content === '') {
    await tx.contextFile.deleteMany({ where: { tenantId, ...name } })
    return
  }
  await tx.contextFile.upsert({
    where: { agentId_userId_fileName: name },
    create: { tenantId, ...name, content },
    update: { content },
  })
}
