/** The package helper over managers of shell scripts, asked as the service would ask it. */
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { startPackageHelper, type HelperParts } from '../src/helper/helper.ts'
import { install, temporaryFolder } from './support.ts'

const group = process.getgid!()

interface Machine {
  runtimeDir: string
  socket: string
  /** Sends lines and gives the answers to them. */
  ask: (...lines: unknown[]) => Promise<unknown[]>
  connect: () => Promise<Socket>
  /** The managers' command lines so far. */
  calls: () => Promise<string[]>
  kept: () => Promise<string>
}

/** Programs that write down how they were called, and then do as their script says. */
const recording = (calls: string, scripts: Record<string, string>) =>
  Object.fromEntries(Object.entries(scripts).map(([name, script]) => [name, `echo ${name} "$@" >>${calls}\n${script}`]))
const debian = { 'apt-get': '', 'apt-cache': 'printf "%s\\n" g++ jq jq-doc curl a1 b1 c1' }

const withHelper = async (
  scripts: Record<string, string>,
  test: (machine: Machine) => Promise<void>,
  { persisted, ...parts }: Partial<HelperParts> & { persisted?: string } = {},
): Promise<void> => {
  await using folder = await temporaryFolder()
  const calls = join(folder.path, 'calls')
  const programs = join(folder.path, 'bin')
  const runtimeDir = join(folder.path, 'runtime')
  const socket = join(folder.path, 'pkg.sock')
  await mkdir(programs)
  await install(programs, recording(calls, scripts))
  await writeFile(calls, '')
  // Of one that was killed.
  await writeFile(socket, '')
  if (persisted !== undefined) {
    await mkdir(runtimeDir)
    await writeFile(join(runtimeDir, 'apk-packages'), persisted)
  }
  const log = { info: () => {}, warn: () => {} }
  const searchPath = `${programs}:/usr/bin:/bin`
  const helper = await startPackageHelper({ socket, group, runtimeDir, searchPath, log, ...parts })
  const open = async () => {
    const client = connect(socket)
    await once(client, 'connect')
    return client
  }
  try {
    await test({
      runtimeDir,
      socket,
      connect: open,
      ask: async (...lines) => {
        const client = await open()
        client.end(lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''))
        return (await text(client))
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as unknown)
      },
      calls: async () => (await readFile(calls, 'utf8')).split('\n').filter(Boolean),
      kept: () => readFile(join(runtimeDir, 'apk-packages'), 'utf8').catch(() => ''),
    })
  } finally {
    await helper.stop()
  }
}

const installing = (name: string) => ({ action: 'install', package: name })
const uninstalling = (name: string) => ({ action: 'uninstall', package: name })

it('installs one package of exactly that name by apt, and keeps the name', async () => {
  await withHelper(debian, async ({ ask, calls, kept, runtimeDir }) => {
    expect(await ask(installing('g++'))).toEqual([{ ok: true }])
    expect(await calls()).toEqual([
      'apt-get update --quiet --option APT::Update::Error-Mode=any',
      'apt-cache pkgnames -- g++',
      'apt-get install --yes --quiet --no-install-recommends -- g++',
    ])
    expect(await kept()).toBe('g++\n')
    expect((await stat(join(runtimeDir, 'apk-packages'))).mode & 0o777).toBe(0o640)
    expect((await stat(runtimeDir)).mode & 0o777).toBe(0o750)
  })
})

it('uses apk where there is one', async () => {
  await withHelper({ ...debian, apk: '' }, async ({ ask, calls }) => {
    expect(await ask(installing('jq'), uninstalling('jq'))).toEqual([{ ok: true }, { ok: true }])
    expect(await calls()).toEqual(['apk add --no-cache jq', 'apk del jq'])
  })
})

it('removes what it installed and nothing else', async () => {
  await withHelper(debian, async ({ ask, calls, kept }) => {
    await ask(installing('jq'), installing('curl'))
    const before = (await calls()).length
    expect(await ask(uninstalling('python3'), uninstalling('jq'))).toEqual([
      { ok: false, error: 'not installed by the helper' },
      { ok: true },
    ])
    expect((await calls()).slice(before)).toEqual(['apt-cache pkgnames -- jq', 'apt-get remove --yes --quiet -- jq'])
    expect(await kept()).toBe('curl\n')
  })
})

it('answers what the manager says when it fails, and keeps nothing', async () => {
  const scripts = { ...debian, 'apt-get': 'if [ "$1" = install ]; then echo "no room for $6" >&2; exit 100; fi' }
  await withHelper(scripts, async ({ ask, kept }) => {
    expect(await ask(installing('jq'))).toEqual([{ ok: false, error: 'no room for jq' }])
    expect(await kept()).toBe('')
  })
})

it.each(['jq-', 'jq+', 'j.', 'jq-do'])('apt does not see %s, which no package is called', async (name) => {
  await withHelper(debian, async ({ ask, calls }) => {
    expect(await ask(installing(name))).toEqual([{ ok: false, error: `no package is called ${name}` }])
    expect((await calls()).at(-1)).toBe(`apt-cache pkgnames -- ${name}`)
  })
})

it.each([
  ['no JSON', '{"action":', 'invalid json'],
  ['no object', '[1]', 'invalid json'],
  ['a name that is no text', { action: 'install', package: ['jq'] }, 'invalid json'],
  ['a line without end', `"${'a'.repeat(5_000)}"`, 'invalid json'],
  ['another action', { action: 'purge', package: 'jq' }, 'unknown action: purge'],
  ['no package', { action: 'install' }, 'package required'],
  ['an option', installing('--allow-downgrades'), 'invalid package name'],
  ['a file', installing('./evil.deb'), 'invalid package name'],
  ['a release', installing('jq/sid'), 'invalid package name'],
  ['a version', installing('jq=1.6'), 'invalid package name'],
  ['a pattern', installing('?installed'), 'invalid package name'],
  ['two names', installing('jq curl'), 'invalid package name'],
  ['a name and a line', installing('jq\ncurl'), 'invalid package name'],
  ['the end of a pattern', installing('jq),?installed('), 'invalid package name'],
])('refuses %s and starts nothing', async (_what, line, error) => {
  await withHelper(debian, async ({ ask, calls }) => {
    expect(await ask(line)).toEqual([{ ok: false, error }])
    expect(await calls()).toEqual([])
  })
})

it('a line that does not end is not waited for', async () => {
  await withHelper(debian, async ({ connect: open }) => {
    const client = await open()
    client.write('a'.repeat(10_000))
    expect(await text(client)).toBe('{"ok":false,"error":"invalid json"}\n')
  })
})

it('installs what was kept before it answers anyone', async () => {
  await withHelper(
    debian,
    async ({ ask, calls }) => {
      expect(await ask(installing('curl'))).toEqual([{ ok: true }])
      expect((await calls()).filter((call) => call.startsWith('apt-cache'))).toEqual([
        'apt-cache pkgnames -- jq',
        'apt-cache pkgnames -- curl',
      ])
    },
    { persisted: 'jq\n--root=/\na/b\n' },
  )
})

it('runs one manager at a time, whoever asks', async () => {
  const alone = 'mkdir "$(dirname "$0")/lock" || exit 1\nsleep 0.05\nrmdir "$(dirname "$0")/lock"'
  await withHelper({ ...debian, 'apt-get': alone }, async ({ ask }) => {
    const answers = await Promise.all(['a1', 'b1', 'c1'].map((name) => ask(installing(name))))
    expect(answers.flat()).toEqual([{ ok: true }, { ok: true }, { ok: true }])
  })
})

it('its socket is for its group alone, and for three at a time', async () => {
  await withHelper(debian, async ({ connect: open, socket }) => {
    const { mode, gid } = await stat(socket)
    expect([mode & 0o777, gid]).toEqual([0o660, group])
    const three = [await open(), await open(), await open()]
    const fourth = await open()
    fourth.resume()
    await once(fourth, 'close')
    for (const client of three) client.end()
  })
})

it('a connection ends when its time is over', async () => {
  await withHelper(
    debian,
    async ({ connect: open }) => {
      const client = await open()
      client.resume()
      await once(client, 'close')
    },
    { connectionMs: 50 },
  )
})

it('keeps nothing in a folder that others write to', async () => {
  await using folder = await temporaryFolder()
  await chmod(folder.path, 0o777)
  await expect(withHelper(debian, async () => {}, { runtimeDir: folder.path })).rejects.toThrow(
    /may be written to by others: .* CLAWMESH_RUNTIME_DIR/,
  )
})
