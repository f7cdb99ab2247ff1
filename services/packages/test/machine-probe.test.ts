import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createProber } from '../src/machine/probe.ts'
import { hang, install, temporaryFolder } from './support.ts'

const limits = { timeoutMs: 10_000, outputLimitBytes: 1_000 }

/** Whether a process is there and not merely waiting to be reaped. */
const isRunning = (pid: number): Promise<boolean> =>
  readFile(`/proc/${pid}/stat`, 'utf8').then(
    (stat) => !/\) Z /.test(stat),
    () => false,
  )

describe('a probe', () => {
  it('answers what a program printed and how it ended', async () => {
    await using folder = await temporaryFolder()
    await install(folder.path, { tool: 'echo "1.2.3 $1"; echo complaint >&2; exit 4' })
    const output = await createProber(folder.path).run('tool', ['--version'], limits)
    expect(output).toEqual({ text: '1.2.3 --version\n', exitCode: 4 })
  })

  it('hands arguments over as they are, without a shell that would read them', async () => {
    await using folder = await temporaryFolder()
    await install(folder.path, { tool: 'printf %s "$1"' })
    const argument = '$(touch /tmp/x); `id` "\' | cat > y'
    expect((await createProber(folder.path).run('tool', [argument], limits))?.text).toBe(argument)
  })

  it('gives the program its PATH and nothing secret of our environment', async () => {
    await using folder = await temporaryFolder()
    await install(folder.path, { tool: '/usr/bin/env' })
    process.env['SECRET_TOKEN'] = 'hush'
    const searchPath = `${folder.path}:/usr/bin:/bin`
    const output = await createProber(searchPath).run('tool', [], limits)
    delete process.env['SECRET_TOKEN']
    expect(output!.text).toContain(`PATH=${searchPath}`)
    expect(output!.text).not.toContain('hush')
  })

  it('ends a program that takes too long, and what that has started', async () => {
    await using folder = await temporaryFolder()
    const pidFile = join(folder.path, 'pid')
    await install(folder.path, { tool: `/bin/sleep 600 &\necho $! > ${pidFile}\necho 1.0\n${hang}` })
    expect(await createProber(folder.path).run('tool', [], { ...limits, timeoutMs: 300 })).toBeUndefined()
    const pid = Number(await readFile(pidFile, 'utf8'))
    while (await isRunning(pid)) await sleep(20)
  })

  it('does not wait for a child that keeps the output open', async () => {
    await using folder = await temporaryFolder()
    await install(folder.path, { tool: '/usr/bin/setsid /bin/sleep 600 &\necho 1.0' })
    await createProber(folder.path).run('tool', [], { ...limits, timeoutMs: 300 })
  })

  it('ends a program that prints more than it may', async () => {
    await using folder = await temporaryFolder()
    await install(folder.path, { tool: 'while :; do echo 1234567890; done' })
    expect(await createProber(folder.path).run('tool', [], limits)).toBeUndefined()
  })

  it('is ended by stop', async () => {
    await using folder = await temporaryFolder()
    await install(folder.path, { tool: hang })
    const probes = createProber(folder.path)
    const running = probes.run('tool', [], limits)
    await sleep(200)
    probes.stop()
    expect(await running).toBeUndefined()
  })

  it.each([
    ['a program that is not there', 'other'],
    ['a folder of that name', 'folder'],
    ['a file that may not be run', 'plain'],
    ['a program whose interpreter is missing', 'broken'],
  ])('answers nothing for %s', async (_, name) => {
    await using folder = await temporaryFolder()
    await mkdir(join(folder.path, 'folder'))
    await writeFile(join(folder.path, 'plain'), '#!/bin/sh\necho 1')
    await writeFile(join(folder.path, 'broken'), '#!/no/such/interpreter\n')
    await chmod(join(folder.path, 'broken'), 0o755)
    expect(await createProber(folder.path).run(name, [], limits)).toBeUndefined()
  })

  it('looks into absolute folders only, in order', async () => {
    await using first = await temporaryFolder()
    await using second = await temporaryFolder()
    await install(first.path, { tool: 'echo first' })
    await install(second.path, { tool: 'echo second', only: 'echo only' })
    const probes = createProber(`:.:${first.path}:${second.path}`)
    expect((await probes.run('tool', [], limits))?.text).toBe('first\n')
    expect(await probes.has('only')).toBe(true)
    expect(await probes.has('package.json')).toBe(false)
  })
})
