/** The account of an instance, with its credentials, for who sends through it. */
import type { SecretBox, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { ChannelType } from '../adapters/adapter.ts'
import { openCredentials } from '../instances/sealed-credentials.ts'
import type { JsonObject } from '../instances/types.ts'
import type { SendingRows } from './use-cases.ts'

export const createSendingRows =
  (db: ServiceDb<PrismaClient>, secrets: SecretBox) =>
  (tenantId: string): SendingRows => ({
    find: async (name) => {
      const row = await db.forTenant(tenantId).prisma.channelInstance.findFirst({ where: { tenantId, name } })
      if (row === null) return undefined
      return {
        ...row,
        channelType: row.channelType as ChannelType,
        config: row.config as JsonObject,
        credentials: () => openCredentials(secrets, row),
      }
    },
  })
