/** `clawmesh migrate`: brings every service's schema up to date. */
import { chassisConfig, loadConfigs, migrate } from '@clawmesh/chassis'
import { readLayers } from '../configuration.ts'
import { databaseUrl, migrationTarget, migrationUrl, SetupError } from '../host.ts'
import { servicesWithDatabase } from '../targets.ts'

/** Applies what is missing, service by service; safe to run any number of times and at once. */
export const runMigrations = async (env: NodeJS.ProcessEnv): Promise<void> => {
  const { chassis: config } = loadConfigs({ chassis: chassisConfig }, env, readLayers(env))
  for (const service of servicesWithDatabase) {
    const servingUrl = databaseUrl(service, config)
    if (servingUrl === '') throw new SetupError(`DATABASE_URL or ${service.toUpperCase()}_DATABASE_URL is required`)
    const applied = await migrate(migrationTarget(service, migrationUrl(service, config), servingUrl))
    console.log(`${service}: ${applied.length === 0 ? 'up to date' : applied.join(', ')}`)
  }
}
