import type { Database } from '@clawmesh/chassis'
import type { Owned } from './use-cases.ts'

/** Whose traces are, of those that are there. */
export const createOwners =
  ({ forTenant }: Database) =>
  async (tenantId: string, ids: readonly string[]): Promise<Owned[]> =>
    (
      await forTenant(tenantId).query<Owned>(
        `SELECT id, run_id AS "runId", user_id AS "userId" FROM traces.traces
         WHERE tenant_id = $1::uuid AND id = ANY($2::uuid[])`,
        [tenantId, ids],
      )
    ).rows
