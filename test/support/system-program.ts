/** Server programs of the operating system: found on PATH, or installed where this process may. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** One at a time: dpkg holds a lock. */
let lastInstall: Promise<unknown> = Promise.resolve()

/**
 * The path of the first of these programs that PATH knows, after installing the Debian package if none does.
 *
 * @throws Error that says what to install when this process cannot
 */
export async function ensureProgram(names: readonly string[], debianPackage: string): Promise<string> {
  const found = await findProgram(names)
  if (found !== undefined) return found
  const canInstall = process.getuid?.() === 0 && (await findProgram(['apt-get'])) !== undefined
  if (!canInstall) {
    throw new Error(`${names.join(' or ')} not found: install it (Debian, Ubuntu: apt-get install ${debianPackage})`)
  }
  const install = lastInstall.then(() => installPackage(debianPackage))
  lastInstall = install.catch(() => undefined)
  await install
  const installed = await findProgram(names)
  if (installed === undefined) throw new Error(`package ${debianPackage} brought no ${names.join(' or ')}`)
  return installed
}

async function installPackage(name: string): Promise<void> {
  process.stderr.write(`Installing ${name} for the tests\n`)
  // RUNLEVEL=1 keeps Debian from starting the service on its default port right away.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  await run('apt-get', ['update', '-qq'], { env })
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', name], {
    env,
  })
}

async function findProgram(names: readonly string[]): Promise<string | undefined> {
  // Debian keeps servers in sbin, which an ordinary user's PATH lacks.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name)
      if (folder !== '' && (await isExecutable(path))) return path
    }
  }
  return undefined
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
