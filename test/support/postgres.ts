/** A real PostgreSQL server: a container where a Docker engine answers, else a local process. */
import { dependenciesImage, startPostgresContainer } from './containers.ts'
import { isDockerRunning } from './docker.ts'
import type { PostgresHandle } from './postgres-handle.ts'
import { startNativePostgres } from './postgres-native.ts'

export interface PostgresOptions {
  /**
   * Whether commits wait for the disk, as in production. Default false: tests lose nothing with the machine. Benchmarks
   * want true.
   */
  durable?: boolean
  /** Further server settings, as in postgresql.conf. */
  settings?: Readonly<Record<string, string>>
}

/** Starts a server on a free port; its data go away with `stop`. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresHandle> {
  const settings = settingsOf(options)
  // Asked for by name, it is that or nothing.
  if (dependenciesImage !== undefined) return startPostgresContainer(settings)
  if (await isDockerRunning()) {
    try {
      return await startPostgresContainer(settings)
    } catch (error) {
      // An engine that may not pull images is as good as none.
      process.stderr.write(`No PostgreSQL container (${String(error)}), using a local process\n`)
    }
  }
  return startNativePostgres(settings)
}

function settingsOf({ durable = false, settings = {} }: PostgresOptions): Record<string, string> {
  const careless = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
  return { max_connections: '300', ...(durable ? {} : careless), ...settings }
}
