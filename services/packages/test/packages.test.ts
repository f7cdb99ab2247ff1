import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { PackagesServiceService } from '@clawmesh/contracts/gen/clawmesh/packages/v1/packages.ts'
import type { PackagesConfig } from '../src/index.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller, type ServiceHarness } from '../../../test/support/service-harness.ts'
import { hang, install, startPackages, temporaryFolder } from './support.ts'

interface Packages {
  system: { name: string; version: string }[]
  pip: { name: string; version: string }[]
  npm: { name: string; version: string }[]
}
interface Runtimes {
  runtimes: { name: string; available: boolean; version?: string }[]
  ready: boolean
  python: boolean
  node: boolean
}

const viewer = testCaller({ role: 'viewer' })
const listPackages = async (harness: ServiceHarness) =>
  (await harness.request<Packages>(viewer, 'GET', '/v1/packages')).body
const getRuntimes = async (harness: ServiceHarness) =>
  (await harness.request<Runtimes>(viewer, 'GET', '/v1/packages/runtimes')).body

/** Runs a test against a machine of scripts. `folder` is where they are, and the runtime folder. */
const onMachine = async (
  scripts: Record<string, string>,
  test: (harness: ServiceHarness, folder: string) => Promise<void>,
  settings: Partial<PackagesConfig> = {},
): Promise<void> => {
  await using folder = await temporaryFolder()
  await install(folder.path, scripts)
  const helperSocket = join(folder.path, 'pkg.sock')
  const harness = await startPackages({ searchPath: folder.path, runtimeDir: folder.path, helperSocket, ...settings })
  try {
    await test(harness, folder.path)
  } finally {
    await harness.stop()
  }
}

describe('on this machine', () => {
  // Tests run on a Node of their own; the machine's, if it has one, is the one that npm belongs to.
  const searchPath = `/usr/local/bin:/usr/bin:/bin:${process.env['PATH']}:${dirname(process.execPath)}`
  /** What a program prints, by lines; none when it is not there. */
  const lines = async (program: string, ...args: string[]): Promise<string[]> => {
    const env = { PATH: searchPath, HOME: process.env['HOME'] }
    const printed = await promisify(execFile)(program, args, { env, cwd: '/' }).catch(() => ({ stdout: '' }))
    return printed.stdout.trim().split('\n').filter(Boolean)
  }
  const names = (packages: { name: string }[]) => packages.map(({ name }) => name).sort()

  let harness: ServiceHarness
  beforeAll(async () => {
    harness = await startPackages({ searchPath })
  })
  afterAll(() => harness.stop())

  it('the runtimes are those that are there', async () => {
    const { runtimes, node } = await getRuntimes(harness)
    expect(runtimes.map(({ name }) => name)).toEqual(['python3', 'pip3', 'node', 'npm', 'pkg-helper'])
    expect(node).toBe(true)
    expect(runtimes[2]).toEqual({ name: 'node', available: true, version: (await lines('node', '--version'))[0] })
    expect(runtimes[0]!.version).toBe((await lines('python3', '--version'))[0])
  })

  it('the packages are those that the managers list', async () => {
    const { npm, pip } = await listPackages(harness)
    const [, ...folders] = await lines('npm', 'ls', '--global', '--depth=0', '--parseable')
    expect(names(npm)).toEqual(folders.map((folder) => folder.split('/node_modules/').at(-1)).sort())
    const [, , ...rows] = await lines('pip3', 'list', '--format=columns')
    expect(names(pip)).toEqual(rows.map((row) => row.split(' ')[0]).sort())
  })
})

describe('the runtimes', () => {
  rule('getPackageRuntimes.listsFiveInOrder', () =>
    onMachine({}, async (harness) => {
      expect(await getRuntimes(harness)).toEqual({
        runtimes: ['python3', 'pip3', 'node', 'npm', 'pkg-helper'].map((name) => ({ name, available: false })),
        ready: false,
        python: false,
        node: false,
      })
    }),
  )

  rule('getPackageRuntimes.isReadyWithPython', () =>
    onMachine({ python3: 'echo Python 3.12.3', pip3: 'echo pip 24.0 from /usr/lib' }, async (harness) => {
      expect(await getRuntimes(harness)).toMatchObject({
        runtimes: [
          { name: 'python3', available: true, version: 'Python 3.12.3' },
          { name: 'pip3', available: true, version: 'pip 24.0' },
          { name: 'node', available: false },
          { name: 'npm', available: false },
          { name: 'pkg-helper', available: false },
        ],
        ready: true,
        python: true,
        node: false,
      })
    }),
  )

  it(ruleName('getPackageRuntimes.saysTheVersion', 'programs that hang, fail, or print garbage'), () =>
    onMachine(
      { python3: hang, pip3: 'echo 1.0; exit 1', node: 'head -c 2000 /dev/urandom', npm: 'echo what?' },
      async (harness) => {
        const { runtimes } = await getRuntimes(harness)
        expect(runtimes.slice(0, 4)).toEqual(
          ['python3', 'pip3', 'node', 'npm'].map((name) => ({ name, available: true })),
        )
      },
      { versionTimeoutMs: 500 },
    ),
  )

  rule('getPackageRuntimes.seesTheHelper', () =>
    onMachine({}, async (harness, folder) => {
      const server = createServer().listen(join(folder, 'pkg.sock'))
      await new Promise((resolve) => server.once('listening', resolve))
      const { runtimes } = await getRuntimes(harness)
      await new Promise((resolve) => server.close(resolve))
      expect(runtimes[4]).toEqual({ name: 'pkg-helper', available: true, version: 'socket' })
      await writeFile(join(folder, 'pkg.sock'), 'no socket')
      expect((await getRuntimes(harness)).runtimes[4]).toEqual({ name: 'pkg-helper', available: false })
    }),
  )

  rule('getPackageRuntimes.namesPythonAndNode', () =>
    onMachine({ python3: 'echo Python 3.12.3', npm: 'echo 10.0.0' }, async (harness) => {
      expect(await getRuntimes(harness)).toMatchObject({ python: true, node: false, ready: false })
    }),
  )

  rule('getPackageRuntimes.looksAtItsOwnMachine', async () => {
    await using elsewhere = await temporaryFolder()
    await install(elsewhere.path, { node: 'echo v1.0.0' })
    await onMachine({}, async (harness) => expect(await getRuntimes(harness)).toMatchObject({ node: false }))
    await onMachine({}, async (harness) => expect(await getRuntimes(harness)).toMatchObject({ node: true }), {
      searchPath: elsewhere.path,
    })
  })

  it('are answered from the stored probe while it is fresh', () =>
    onMachine(
      { node: 'echo v1.0.0' },
      async (harness, folder) => {
        const first = await getRuntimes(harness)
        await install(folder, { node: 'echo v2.0.0' })
        expect(await getRuntimes(harness)).toEqual(first)
        const { pool } = harness.mesh.database('packages')
        const { rows } = await pool.query('SELECT name, available, version FROM packages.runtime_probes ORDER BY name')
        expect(rows).toContainEqual({ name: 'node', available: true, version: 'v1.0.0' })
        expect(rows).toHaveLength(5)

        await pool.query(`UPDATE packages.runtime_probes SET checked_at = checked_at - interval '2 minutes'`)
        expect((await getRuntimes(harness)).runtimes[2]).toMatchObject({ version: 'v2.0.0' })
      },
      { keepMs: 60_000 },
    ))

  it('forget replicas that have long been gone', () =>
    onMachine({}, async (harness) => {
      const { pool } = harness.mesh.database('packages')
      await pool.query(
        `INSERT INTO packages.runtime_probes VALUES
           ('gone', 'node', true, 'v1', now() - interval '2 days'), ('other', 'node', true, 'v1', now())`,
      )
      await getRuntimes(harness)
      const { rows } = await pool.query<{ host: string }>('SELECT DISTINCT host FROM packages.runtime_probes')
      const hosts = rows.map(({ host }) => host)
      expect(hosts).toContain('other')
      expect(hosts).not.toContain('gone')
    }))

  it('are answered without the table of probes', () =>
    onMachine({ node: 'echo v1.0.0' }, async (harness) => {
      await harness.mesh.database('packages').pool.query('DROP TABLE packages.runtime_probes')
      expect(await getRuntimes(harness)).toMatchObject({ node: true })
    }))

  it('are told to other services in the same way', () =>
    onMachine({ node: 'echo v1.0.0' }, async (harness) => {
      const { runtimes } = await harness.rpc(PackagesServiceService).listRuntimes(harness.call(viewer), {})
      expect(runtimes).toContainEqual({ name: 'node', available: true, version: 'v1.0.0' })
      expect(runtimes).toContainEqual({ name: 'npm', available: false, version: '' })
    }))
})

describe('the packages', () => {
  const pip3 = `echo '[{"name":"requests","version":"2.32.0"}]'`
  const npm = `echo '{"dependencies":{"typescript":{"version":"6.0.3"},"peer":{"missing":true},"linked":{}}}'; exit 1`

  it('are none where every manager is missing', () =>
    onMachine({}, async (harness) => {
      expect(await listPackages(harness)).toEqual({ system: [], pip: [], npm: [] })
    }))

  rule('listPackages.listsAllOfPipAndNpm', () =>
    onMachine({ pip3, npm }, async (harness) => {
      expect(await listPackages(harness)).toEqual({
        system: [],
        pip: [{ name: 'requests', version: '2.32.0' }],
        npm: [
          { name: 'typescript', version: '6.0.3' },
          { name: 'linked', version: '' },
        ],
      })
    }),
  )

  it(ruleName('listPackages.waitsForNobody', 'one that hangs'), () =>
    onMachine(
      { pip3: hang, npm },
      async (harness) => {
        const { pip, npm: listed } = await listPackages(harness)
        expect([pip, listed.length]).toEqual([[], 2])
      },
      { listTimeoutMs: 500 },
    ),
  )

  it.each([
    ['garbage', 'head -c 2000 /dev/urandom'],
    ['JSON of another shape', `echo '{"name":1}'`],
    ['a list of something else', `echo '[{"name":1}]'`],
    ['an entry without its parts', `echo '{"dependencies":{"x":7}}'`],
    ['nothing', 'exit 0'],
    ['without end', 'while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done'],
  ])(ruleName('listPackages.waitsForNobody', 'managers that print %s'), (_, script) =>
    onMachine({ pip3: script, npm: script }, async (harness) => {
      expect(await listPackages(harness)).toEqual({ system: [], pip: [], npm: [] })
    }),
  )

  rule('listPackages.listsWhatUsersInstalled', () =>
    onMachine({ 'dpkg-query': 'printf "jq\\t1.7.1\\tinstalled\\n"; exit 1' }, async (harness, folder) => {
      await writeFile(join(folder, 'apk-packages'), 'ripgrep\njq\nripgrep\n--evil\n')
      expect((await listPackages(harness)).system).toEqual([
        { name: 'ripgrep', version: '' },
        { name: 'jq', version: '1.7.1' },
      ])
    }),
  )

  it('of the system are asked from apk where there is one', () =>
    onMachine({ apk: 'echo jq-1.7.1-r0', 'dpkg-query': hang }, async (harness, folder) => {
      await writeFile(join(folder, 'apk-packages'), 'jq\n')
      expect((await listPackages(harness)).system).toEqual([{ name: 'jq', version: '1.7.1-r0' }])
    }))

  it('of the system are listed without versions where there is no manager', () =>
    onMachine({}, async (harness, folder) => {
      await writeFile(join(folder, 'apk-packages'), 'jq\n')
      expect((await listPackages(harness)).system).toEqual([{ name: 'jq', version: '' }])
    }))

  it('of the system are kept in the data folder unless told otherwise', () =>
    onMachine(
      {},
      async (harness) => {
        await mkdir(join(harness.mesh.dataDir, '.runtime'))
        await writeFile(join(harness.mesh.dataDir, '.runtime', 'apk-packages'), 'jq\n')
        expect((await listPackages(harness)).system).toHaveLength(1)
      },
      { runtimeDir: '' },
    ))
})

describe('a crowd of requests', () => {
  it('asks the machine once', async () => {
    await using counts = await temporaryFolder()
    const counting = (name: string) => `echo x >> ${join(counts.path, name)}; /bin/sleep 0.2; echo 1.0`
    const runs = async (name: string) => (await readFile(join(counts.path, name), 'utf8')).trim().split('\n').length
    await onMachine(
      { node: counting('node'), npm: counting('npm') },
      async (harness) => {
        const crowd = <T>(ask: (harness: ServiceHarness) => Promise<T>) =>
          Promise.all(Array.from({ length: 30 }, () => ask(harness)))
        await crowd(listPackages)
        await crowd(listPackages)
        expect(await runs('npm')).toBe(1)
        await crowd(getRuntimes)
        await crowd(getRuntimes)
        // Once for the list, once for the version.
        expect([await runs('node'), await runs('npm')]).toEqual([1, 2])
      },
      { keepMs: 60_000 },
    )
  })
})
