/** `clawmesh tenants erase`: the end of a tenant and of all that the services keep of it. */
import {
  chassisConfig,
  eraseTenantRows,
  loadConfigs,
  outboxRow,
  storeOutboxRows,
  type Database,
} from '@clawmesh/chassis'
import { masterTenantId, uuid } from '@clawmesh/contracts'
import { readLayers } from '../configuration.ts'
import { openDataDir } from '../data-dir.ts'
import { withDatabases } from '../databases.ts'
import { SetupError } from '../host.ts'
import { servicesWithDatabase } from '../targets.ts'
import type { Report } from './dead-work.ts'

interface Tenant {
  id: string
  slug: string
  status: string
}

const find = async ({ system }: Database, idOrSlug: string): Promise<Tenant | undefined> => {
  const { rows } = await system.query<Tenant>(
    'SELECT id, slug, status FROM identity.tenants WHERE id::text = lower($1) OR slug = $1',
    [idOrSlug],
  )
  return rows[0]
}

/** The tenant's own row, and the record of who it was, which the master tenant keeps. */
const forget = ({ system, schema }: Database, id: string): Promise<void> =>
  system.transaction(async (session) => {
    const { rowCount } = await session.query('DELETE FROM identity.tenants WHERE id = $1', [id])
    if (!rowCount) return
    await storeOutboxRows(schema)(session, [outboxRow('tenantErased', masterTenantId, { id, actorId: 'system' })])
  })

/**
 * Erases an archived tenant: its rows of every service, identity's last, so that it can be run again when it was interrupted.
 * Of a tenant that is gone, named by its id, what came late is erased.
 * @throws SetupError for a tenant that is not archived, an unknown slug, and the master tenant
 */
export const eraseTenant = (env: NodeJS.ProcessEnv, idOrSlug: string): Promise<Report> => {
  const { chassis: config } = loadConfigs({ chassis: chassisConfig }, env, readLayers(env))
  const dataDir = openDataDir(config.dataDir)
  const services = [...servicesWithDatabase.filter((service) => service !== 'identity'), 'identity' as const]
  return withDatabases({ config, dataDir, services, name: 'tenants' }, async (databases) => {
    const identity = databases.get('identity')!
    const known = await find(identity, idOrSlug)
    if (known === undefined && !uuid.safeParse(idOrSlug).success) throw new SetupError(`there is no tenant ${idOrSlug}`)
    const id = known?.id ?? idOrSlug.toLowerCase()
    if (id === masterTenantId) throw new SetupError('the master tenant cannot be erased')
    if (known !== undefined && known.status !== 'archived')
      throw new SetupError(
        `tenant ${known.slug} is ${known.status}: archive it first, so that nobody is in it any more`,
      )

    const lines: string[] = []
    for (const [service, database] of databases) {
      const erased = [...(await eraseTenantRows(database, id))].map(([table, rows]) => `${table} ${rows}`)
      if (erased.length > 0) lines.push(`${service}: ${erased.join(', ')}`)
    }
    await forget(identity, id)
    const files = known === undefined ? [] : [`its files stand in tenants/${known.slug} of the workspace: remove them`]
    return { text: [...(lines.length > 0 ? lines : ['nothing was left of it']), ...files].join('\n'), ok: true }
  })
}
