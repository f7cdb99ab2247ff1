/** PostgreSQL with pgvector in a container. */
import type { PostgresHandle } from './postgres-handle.ts'

const image = 'pgvector/pgvector:pg18'
const port = 5432

/** Starts a container with these server settings; Testcontainers removes it with the process at the latest. */
export async function startPostgresContainer(settings: Readonly<Record<string, string>>): Promise<PostgresHandle> {
  // Loaded only here: it takes a second, and most machines that run the tests have no engine.
  const { GenericContainer, Wait } = await import('testcontainers')
  const container = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_HOST_AUTH_METHOD: 'trust' })
    .withCommand(['postgres', ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])])
    .withExposedPorts(port)
    // The first time is the image's own set-up, which restarts the server.
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .start()
  return {
    url: `postgres://postgres@${container.getHost()}:${container.getMappedPort(port)}/postgres`,
    async stop() {
      await container.stop()
    },
  }
}
