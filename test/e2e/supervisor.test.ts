/** scripts/supervise.mjs: what crashed is started again, what was told to end or cannot start is not. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const supervise = pathToFileURL(fileURLToPath(new URL('../../scripts/supervise.mjs', import.meta.url))).href
let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supervisor-'))
})
afterEach(() => rm(directory, { recursive: true }))

/** Does, at its nth start, the nth of `does`, and the last one from then on. */
const program = (does: readonly string[]): string => `
import { appendFileSync, readFileSync, existsSync } from 'node:fs'
const log = ${JSON.stringify(join(directory, 'starts'))}
const starts = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\\n').length : 0
appendFileSync(log, JSON.stringify([process.env.CLAWMESH_RESTARTS, process.env.CLAWMESH_LAST_EXIT]) + '\\n')
const acts = ${JSON.stringify(does)}
const ready = () => new Promise((resolve) => process.send('ready', resolve))
const wait = () => setInterval(() => {}, 1_000)
const act = {
  fail: () => process.exit(3),
  crash: async () => { await ready(); process.exit(1) },
  throw: async () => { await ready(); setTimeout(() => { throw new Error('boom') }) },
  abort: async () => { await ready(); process.abort() },
  kill: async () => { await ready(); process.kill(process.pid, 'SIGKILL') },
  fill: async () => { await ready(); for (const all = []; ; ) all.push(new Array(1_000_000).fill(1)) },
  end: async () => { await ready(); process.exit(0) },
  run: async () => { await ready(); process.on('SIGTERM', () => process.exit(0)); console.log('running'); wait() },
}
await act[acts[Math.min(starts, acts.length - 1)]]()
`

const run = async (does: readonly string[], pausesMs = [1, 1, 1]) => {
  await writeFile(join(directory, 'program.mjs'), program(does))
  const main = `import { superviseAs } from ${JSON.stringify(supervise)}
    await superviseAs(process.execPath, ['--max-old-space-size=32', ${JSON.stringify(join(directory, 'program.mjs'))}], { rules: { pausesMs: ${JSON.stringify(pausesMs)}, steadyMs: 60_000 } })`
  await writeFile(join(directory, 'main.mjs'), main)
  const child = spawn(process.execPath, [join(directory, 'main.mjs')], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  let stdout = ''
  child.stderr.on('data', (text: Buffer) => (stderr += String(text)))
  child.stdout.on('data', (text: Buffer) => (stdout += String(text)))
  const ended = once(child, 'close') as Promise<[number | null, string | null]>
  return {
    child,
    said: async (what: string) => {
      while (!(stdout + stderr).includes(what))
        await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data')])
    },
    ended: async () => {
      const [code, signal] = await ended
      const starts = (await readFile(join(directory, 'starts'), 'utf8')).trim().split('\n')
      return { code, signal, stderr, starts: starts.map((line) => JSON.parse(line) as unknown[]) }
    },
  }
}

it.each([
  ['crash', /ended with exit code 1 after \d+ s; starting again in 0.001 s \(1 of 3\)/],
  ['throw', /ended with exit code 1/],
  ['abort', /ended by SIGABRT \(out of memory/],
  ['kill', /ended by SIGKILL \(killed, perhaps/],
  ['fill', /ended by SIGABRT \(out of memory/],
])('a program that comes to an end by "%s" is started again and told why', async (act, line) => {
  const { code, stderr, starts } = await (await run([act, 'end'])).ended()
  expect(stderr).toMatch(line)
  expect({ code, starts: starts.length }).toEqual({ code: 0, starts: 2 })
  expect(starts[1]).toEqual(['1', expect.stringMatching(/^ended (by|with)/)])
})

it.each([
  ['cannot start', 'fail', 3],
  ['ends by itself', 'end', 0],
])('a program that %s is not started again', async (_what, act, code) => {
  expect(await (await run([act])).ended()).toMatchObject({ code, starts: [[null, null]], stderr: '' })
})

it('one that was ready once is started again also when a restart fails, and given up at the limit', async () => {
  const { code, stderr, starts } = await (await run(['crash', 'fail'])).ended()
  expect({ code, starts: starts.length }).toEqual({ code: 3, starts: 4 })
  expect(stderr).toContain('crashed 4 times in a row, not started again')
})

it('a signal ends the program for good, while it runs and in a pause', async () => {
  const running = await run(['crash', 'run'])
  await running.said('running')
  running.child.kill('SIGTERM')
  expect(await running.ended()).toMatchObject({ code: 0, starts: [expect.anything(), expect.anything()] })

  await rm(join(directory, 'starts'))
  const pausing = await run(['crash'], [600_000])
  await pausing.said('starting again')
  pausing.child.kill('SIGTERM')
  expect(await pausing.ended()).toMatchObject({ code: 0, starts: [expect.anything()] })
})
