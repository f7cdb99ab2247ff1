/** The rows of runtime_probes. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { Runtime } from './types.ts'
import type { RuntimeRows } from './use-cases.ts'

/** A replica that has not probed for this long is gone. */
const keptForMs = 24 * 3_600_000

/** The stored probes of one machine. */
export const createRuntimeRows = (db: ServiceDb<PrismaClient>, host: string): RuntimeRows => ({
  probedAfter: async (time) => {
    const rows = await db.system.prisma.runtimeProbe.findMany({ where: { host, checkedAt: { gt: time } } })
    return rows.map(({ name, available, version }) => ({ name: name as Runtime['name'], available, version }))
  },

  save: (runtimes, checkedAt) =>
    db.system.change(async (tx) => {
      await tx.runtimeProbe.deleteMany({ where: { checkedAt: { lt: new Date(checkedAt.getTime() - keptForMs) } } })
      await tx.$executeRaw`
        INSERT INTO packages.runtime_probes (host, name, available, version, checked_at)
        SELECT ${host}::varchar, name, available, version, ${checkedAt}::timestamptz
        FROM jsonb_to_recordset(${JSON.stringify(runtimes)}::jsonb) AS probe (name text, available boolean, version text)
        ON CONFLICT (host, name) DO UPDATE
        SET available = excluded.available, version = excluded.version, checked_at = excluded.checked_at`
      return { result: undefined }
    }),
})
