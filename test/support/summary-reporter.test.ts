/** jest on suites that fail in every way there is, one of them by killing its worker as a fault of V8 does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const root = path('../..')

const runJest = async (config: object): Promise<{ code: number | null; stdout: string; stderr: string }> => {
  const child = spawn(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--no-warnings',
      path('../../node_modules/jest/bin/jest.js'),
      ...['--config', JSON.stringify(config)],
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...texts }
}

test('a worker that dies fails the run, and the last lines name each failed suite with its reason', async () => {
  const { code, stdout } = await runJest({
    rootDir: path('./fixtures/crashing-suites'),
    testMatch: ['**/*.suite.mjs'],
    transform: {},
    testEnvironment: path('./shared-wasm-environment.mjs'),
    reporters: [path('./summary-reporter.mjs')],
    maxWorkers: 2,
    // Else jest may run them all in the process that is to report.
    workerIdleMemoryLimit: '1GB',
  })
  expect(code).toBe(1)
  const lines = stdout.trimEnd().split('\n')
  expect(lines.at(-1)).toBe('1 passed, 4 failed')
  expect(lines.slice(0, -1).sort()).toEqual([
    expect.stringMatching(/^FAILED exiting\.suite\.mjs: A jest worker process \(pid=\d+\) was terminated .*SIGABRT/),
    'FAILED failing.suite.mjs: fails: Error: on purpose',
    expect.stringMatching(/^FAILED killed\.suite\.mjs: A jest worker process \(pid=\d+\) was terminated .*SIGTRAP/),
    'FAILED unloadable.suite.mjs: it does not load',
  ])
})
