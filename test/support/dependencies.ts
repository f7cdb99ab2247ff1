/** The real outside dependencies of a jest run: started once, their URLs handed to the test files in the environment. */
import { dependenciesImage, startNatsContainer, startRedisContainer } from './containers.ts'
import { startNats } from './nats.ts'
import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'

export type Dependency = 'postgres' | 'nats' | 'redis'

const variables: Readonly<Record<Dependency, string>> = {
  postgres: 'CLAWMESH_TEST_POSTGRES_URL',
  nats: 'CLAWMESH_TEST_NATS_URL',
  redis: 'CLAWMESH_TEST_REDIS_URL',
}

const starters: Readonly<Record<Dependency, () => Promise<{ url: string; stop(): Promise<void> }>>> = {
  postgres: () => startPostgres(),
  nats: () => (dependenciesImage === undefined ? startNats() : startNatsContainer(dependenciesImage)),
  redis: () => (dependenciesImage === undefined ? startRedis() : startRedisContainer(dependenciesImage)),
}

/**
 * Starts what the environment does not name yet and names it there, so that a developer may keep servers of their own.
 *
 * @returns stops what was started here
 */
export async function startDependencies(): Promise<() => Promise<void>> {
  const names = (Object.keys(variables) as Dependency[]).filter((name) => !process.env[variables[name]])
  const results = await Promise.allSettled(
    names.map(async (name) => {
      const server = await starters[name]()
      process.env[variables[name]] = server.url
      return server
    }),
  )
  const stopAll = async (): Promise<void> => {
    await Promise.all(results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.stop()] : [])))
  }
  const failed = results.find((result) => result.status === 'rejected')
  if (failed) {
    await stopAll()
    throw failed.reason
  }
  return stopAll
}

/**
 * Where that dependency listens in this run.
 *
 * @throws Error outside a jest run
 */
export function dependencyUrl(name: Dependency): string {
  const url = process.env[variables[name]]
  if (!url) throw new Error(`${variables[name]} is not set: run the tests with npm test`)
  return url
}
