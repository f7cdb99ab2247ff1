import type { ScopedDb } from '@clawmesh/chassis'
import type { Owned } from '../port.ts'

/** Whose traces are, of those that are there. */
export const createOwnerRows =
  (tenantId: string, sql: ScopedDb) =>
  async (ids: readonly string[]): Promise<Owned[]> =>
    (
      await sql.query<Owned>(
        `SELECT id, run_id AS "runId", user_id AS "userId" FROM traces.traces
         WHERE tenant_id = $1::uuid AND id = ANY($2::uuid[])`,
        [tenantId, ids],
      )
    ).rows
