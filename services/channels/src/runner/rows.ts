/** Leases of instances, over all tenants: one replica runs an instance, another takes over when it is silent. */
import type { SecretBox, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { openCredentials } from '../instances/sealed-credentials.ts'
import type { Leases, LeasedInstance } from './runner.ts'

type LeasedRow = Omit<LeasedInstance, 'credentials'> & { credentials: string | null }

/** @param holder names this replica, and no other one */
export const createLeases = (db: ServiceDb<PrismaClient>, secrets: SecretBox, holder: string): Leases => ({
  hold: (types, leaseMs) =>
    db.system.changeSql(async (session) => {
      // In one order, so that two replicas that take the same ones do not wait for each other.
      const { rows } = await session.query<LeasedRow>(
        `WITH held AS (
           INSERT INTO channels.instance_leases AS lease (instance_id, tenant_id, holder, expires_at)
           SELECT instance.id, instance.tenant_id, $1, now() + make_interval(secs => $2)
           FROM channels.channel_instances instance
           LEFT JOIN channels.instance_leases known ON known.instance_id = instance.id
           WHERE instance.enabled AND instance.channel_type = ANY($3::text[])
             AND (known.instance_id IS NULL OR known.holder = $1 OR known.expires_at < now())
           ORDER BY instance.id
           ON CONFLICT (instance_id) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
           WHERE lease.holder = excluded.holder OR lease.expires_at < now()
           RETURNING instance_id)
         SELECT id, tenant_id AS "tenantId", name, channel_type AS "channelType", agent_id AS "agentId", config,
           credentials, updated_at::text AS version
         FROM channels.channel_instances JOIN held ON id = instance_id`,
        [holder, leaseMs / 1_000, types],
      )
      return {
        result: rows.map((row) => ({ ...row, credentials: () => openCredentials(secrets, row) })),
      }
    }),

  release: (ids) =>
    db.system.changeSql(async (session) => {
      await session.query('DELETE FROM channels.instance_leases WHERE holder = $1 AND instance_id = ANY($2::uuid[])', [
        holder,
        ids,
      ])
      return { result: undefined }
    }),
})
