/** Databases with the schemas of services: copied from one that the first test file of a run migrates, as migrating takes longer. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from '@clawmesh/chassis'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import type { servicesWithDatabase } from '../../cli/src/targets.ts'
import { createDatabase, withServer, type TestDatabase } from './database.ts'

export type MigratedService = (typeof servicesWithDatabase)[number]

/** Another name for other services and for other migrations: the server, and what is kept of it, may outlive a run. */
export const templateName = (services: readonly MigratedService[]): string => {
  const hash = createHash('sha256')
  for (const service of services.toSorted()) {
    const folder = migrationFolder(service)
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.sql'))
    for (const file of files.toSorted()) hash.update(`${service}/${file}\0`).update(readFileSync(join(folder, file)))
  }
  return `template_${hash.digest('hex').slice(0, 16)}`
}

/** Brings the schemas of services into a database. */
export const migrateServices = async (url: string, services: readonly MigratedService[]): Promise<void> => {
  for (const service of services) await migrate({ url, schema: service, folder: migrationFolder(service) })
}

/** As `createDatabase`, with the schemas of some services. */
export const createMigratedDatabase = async (
  prefix: string,
  services: readonly MigratedService[],
): Promise<TestDatabase> => createDatabase(prefix, services.length === 0 ? undefined : await template(services))

/** Made once; nobody connects to it, as a database in use cannot be copied. */
const template = (services: readonly MigratedService[]): Promise<string> =>
  withServer(async (server) => {
    const name = templateName(services)
    const exists = async () => (await server.query('select from pg_database where datname = $1', [name])).rowCount === 1
    if (await exists()) return name
    // Workers that want it at the same time wait until this connection ends.
    await server.query('select pg_advisory_lock(hashtext($1))', [name])
    if (await exists()) return name
    const unfinished = await createDatabase('template')
    await migrateServices(unfinished.url, services)
    await server.query(`alter database ${new URL(unfinished.url).pathname.slice(1)} rename to ${name}`)
    return name
  })
