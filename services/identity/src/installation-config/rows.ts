/** The one row of the installation's stored configuration, which only the system knows. */
import { masterTenantId } from '@clawmesh/contracts'
import { event, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { InputJsonObject } from '../db/client/internal/prismaNamespace.ts'
import type { JsonObject } from '../json.ts'
import type { StoredConfigRows } from './use-cases.ts'

const onlyRow = 1
/** What the record calls the configuration. */
const recordedAs = 'gateway'

export const createStoredConfigRows = (db: ServiceDb<PrismaClient>): StoredConfigRows => {
  const { prisma, change } = db.system
  return {
    read: async () => {
      const row = await prisma.storedConfig.findUniqueOrThrow({ where: { id: onlyRow } })
      return { values: row.config as JsonObject, revision: row.revision }
    },

    replace: (values, expectedRevision, isReplaced, actor) =>
      change<number | undefined>(async (tx) => {
        const revision = expectedRevision + 1
        const { count } = await tx.storedConfig.updateMany({
          where: { id: onlyRow, revision: expectedRevision },
          data: { config: values as InputJsonObject, revision },
        })
        if (count === 0) return { result: undefined }
        const name = isReplaced ? 'configApplied' : 'configPatched'
        return {
          result: revision,
          events: [event(name, { id: recordedAs, ...actor }, masterTenantId)],
          evict: [{ kind: 'config' }],
        }
      }),
  }
}
