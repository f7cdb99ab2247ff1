/** jest as this project sets it up, on suites that end in every way there is: one kills its worker as a fault of V8 does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const root = path('../..')
const { jest } = (await import(path('../../scripts/jest.mjs'))) as { jest: string[] }

/** Runs jest on a folder of suites, each file in a worker, with the flags, the environment and the reporter of the project. */
const runJest = async (
  folder: string,
  env: Record<string, string> = {},
  { flags = [], settings = {} }: { flags?: string[]; settings?: object } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> => {
  const config = {
    rootDir: folder,
    testMatch: ['**/*.suite.mjs'],
    transform: {},
    testEnvironment: path('./jest-environment.mjs'),
    reporters: [path('./summary-reporter.mjs')],
    maxWorkers: 2,
    // Else jest may run them all in the process that is to report.
    workerIdleMemoryLimit: '1GB',
    ...settings,
  }
  const child = spawn(process.execPath, [...flags, ...jest, '--config', JSON.stringify(config)], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...texts }
}

test('a worker that dies fails the run, and the last lines name each failed suite with its reason', async () => {
  const { code, stdout } = await runJest(path('./fixtures/crashing-suites'))
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

test('a worker that is done leaves without complaint, and what a file wants to happen at the end happens', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clawmesh-leaving-'))
  const file = join(folder, 'left')
  // jest gives a worker half a second to leave, which a busy machine may not have; of one that stays it complains every time.
  const left = await eventually('a run without complaint', async () => {
    const run = await runJest(path('./fixtures/leaving-suites'), { LEFT_FILE: file })
    return run.stderr === '' && run
  })
  expect(left).toEqual({ code: 0, stdout: '1 passed, 0 failed\n', stderr: '' })
  expect(await readFile(file, 'utf8')).toBe('left')
  await rm(folder, { recursive: true })
})

test('what a file has loaded does not stay in memory when it is done', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clawmesh-finished-'))
  for (const name of ['one', 'two', 'three', 'four']) {
    await writeFile(join(folder, `${name}.cjs`), 'module.exports = 1')
    await writeFile(
      join(folder, `${name}.suite.mjs`),
      `import './${name}.cjs'
      import { expect, test } from '@jest/globals'
      test('counts', async () => expect(await globalThis.finishedInMemory()).toBeLessThanOrEqual(1))`,
    )
  }
  const testEnvironment = path('./fixtures/finished-suites-environment.mjs')
  const { stdout } = await runJest(folder, {}, { flags: ['--expose-gc'], settings: { testEnvironment, maxWorkers: 1 } })
  expect(stdout.trimEnd()).toBe('4 passed, 0 failed')
  await rm(folder, { recursive: true })
})
