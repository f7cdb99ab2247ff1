/** Writes the activity log, of all tenants at once. */
import type { Database } from '@clawmesh/chassis'
import type { ActivityRecord } from '../domain/activity.ts'
import { refusal } from './refusal.ts'

const columns = 'tenant_id, id, created_at, actor_type, actor_id, action, entity_type, entity_id, details, ip_address'

export const createActivityStore = ({ system }: Database) => ({
  /** Adds records in one statement; those that are there already stay as they are. */
  add: async (records: readonly ActivityRecord[]): Promise<void> => {
    await system.query(
      `INSERT INTO traces.activity_logs (${columns})
       SELECT ${columns} FROM json_populate_recordset(NULL::traces.activity_logs, $1::json)
       ON CONFLICT (tenant_id, id, created_at) DO NOTHING`,
      [JSON.stringify(records)],
    )
  },
  refusal,
})

export type ActivityStore = ReturnType<typeof createActivityStore>
