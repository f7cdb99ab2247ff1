import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { childEnvironment, runChild, startChild, type ChildProgram } from '../src/exec/index.ts'

const MiB = 1024 * 1024
let folder: string

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'child-')))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const shell = (script: string, rest: Partial<ChildProgram> = {}): ChildProgram => ({
  command: '/bin/sh',
  args: ['-c', script],
  cwd: folder,
  ...rest,
})

/** A process that is no zombie. */
const isAlive = async (pid: number): Promise<boolean> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ') Z')
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z'
}

const pidsIn = async (name: string): Promise<number[]> =>
  (await readFile(join(folder, name), 'utf8')).trim().split('\n').map(Number)

describe('a child process', () => {
  it('says what it wrote and how it ended, and reads its input', async () => {
    expect(await runChild(shell('cat; echo err >&2; pwd; exit 3'), 'in\n')).toEqual({
      stdout: `in\n${folder}\n`,
      stderr: 'err\n',
      exitCode: 3,
      breach: undefined,
    })
  })

  it('that cannot be started is a system error', async () => {
    await expect(runChild({ command: 'no-such-program', args: [], cwd: folder })).rejects.toMatchObject({
      code: 'ENOENT',
    })
  })

  it('gets its arguments as they are, and no shell looks at them', async () => {
    const { stdout } = await runChild({ command: '/bin/echo', args: ['$HOME; `id`', '*'], cwd: folder })
    expect(stdout).toBe('$HOME; `id` *\n')
  })

  it('knows nothing of our environment but harmless variables', async () => {
    const from = {
      PATH: '/bin',
      LC_ALL: 'C',
      PIP_INDEX_URL: 'https://user:secret@pypi.example/',
      OPENAI_API_KEY: 'sk-secret',
      DATABASE_URL: 'postgres://',
      GOCLAW_GATEWAY_TOKEN: 'secret',
    }
    expect(childEnvironment({ OWN: '1' }, from)).toEqual({ PATH: '/bin', LANG: 'C.UTF-8', LC_ALL: 'C', OWN: '1' })
    process.env['EXEC_TEST_SECRET'] = 'secret'
    const { stdout } = await runChild(shell('env'))
    delete process.env['EXEC_TEST_SECRET']
    expect(stdout).not.toContain('secret')
  })

  it('ends with all it started: the group, those in a session of their own, and those set loose', async () => {
    const script = `
      sleep 300 & echo $! >> pids
      setsid sleep 300 & echo $! >> pids
      (setsid sh -c 'echo $$ >> pids; exec sleep 300' &)
      sleep 0.3; exec sleep 300`
    const child = await startChild(shell(script))
    while ((await pidsIn('pids').catch(() => [])).length < 3) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await child.kill()).toEqual({ exitCode: undefined, breach: 'closed' })
    for (const pid of await pidsIn('pids')) expect(await isAlive(pid)).toBe(false)
  })

  it('leaves nobody behind when it ends by itself', async () => {
    const { exitCode } = await runChild(shell('setsid sleep 300 > /dev/null 2>&1 & echo $! > left; exit 0'))
    expect(exitCode).toBe(0)
    for (const pid of await pidsIn('left')) expect(await isAlive(pid)).toBe(false)
  })

  it.each<[string, string, Partial<NonNullable<ChildProgram['limits']>>, string]>([
    ['time', 'sleep 300', { timeoutMs: 100 }, 'timeout'],
    ['output', 'yes', { outputBytes: 10_000 }, 'outputBytes'],
    ['output of errors', 'yes >&2', { outputBytes: 10_000 }, 'outputBytes'],
    ['processes', 'for i in 1 2 3 4 5 6 7 8 9; do sleep 300 & done; wait', { processes: 5 }, 'processes'],
    [
      'memory',
      `exec "${process.execPath}" -e "const b=Buffer.alloc(3e8,1);setInterval(()=>b,1e6)"`,
      { memoryBytes: 200 * MiB },
      'memoryBytes',
    ],
    [
      'what is written',
      'while :; do dd if=/dev/zero of=full bs=1M count=4 2>/dev/null; done',
      { writtenBytes: 30 * MiB },
      'writtenBytes',
    ],
  ])('that exceeds its limit of %s is ended', async (_, script, limits, breach) => {
    const end = await runChild(shell(script, { limits: { timeoutMs: 20_000, ...limits } }))
    expect(end).toMatchObject({ exitCode: undefined, breach })
    expect(end.stdout.length).toBeLessThanOrEqual(limits.outputBytes ?? MiB)
  })

  it('ends when its call is cancelled, and is not started after that', async () => {
    const abort = new AbortController()
    const running = runChild(shell('sleep 300', { signal: abort.signal }))
    setTimeout(() => abort.abort(), 50)
    expect(await running).toMatchObject({ breach: 'cancelled' })
    await expect(runChild(shell('true', { signal: abort.signal }))).rejects.toThrow()
  })
})
