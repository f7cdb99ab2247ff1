/** Whether the claude program of the machine is signed in, asked of a real process. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '../../../test/support/eventually.ts'
import { isAlive } from '../../../test/support/is-alive.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startProviders, type ProvidersHarness } from './harness.ts'

const program = fileURLToPath(new URL('../../../test/fakes/claude-cli.mjs', import.meta.url))

const statusOf = async (mesh: ProvidersHarness, apiBase?: string) => {
  const caller = testCaller({ role: 'admin' })
  if (apiBase !== undefined)
    await mesh.create(caller, { name: 'cli', provider_type: 'claude_cli', api_base: apiBase, api_key: undefined })
  return mesh.request<Record<string, unknown>>(caller, 'GET', '/v1/providers/claude-cli/auth-status')
}

describe('where providers may be on the machine', () => {
  let mesh: ProvidersHarness
  beforeAll(async () => {
    mesh = await startProviders({ CLAWMESH_LOCAL_PROVIDERS: 'on' })
  })
  afterAll(() => mesh.stop())

  rule('getClaudeCliAuthStatus.asksTheProgram', async () => {
    const { status, body } = await statusOf(mesh, program)
    expect(status).toBe(200)
    expect(body).toEqual({
      logged_in: true,
      email: 'ann@example.com',
      subscription_type: 'max',
      in_docker: expect.any(Boolean),
    })
  })

  rule('getClaudeCliAuthStatus.isNoProvider', async () => {
    const caller = testCaller({ role: 'admin' })
    await mesh.create(caller, {
      name: 'claude-cli',
      provider_type: 'claude_cli',
      api_base: program,
      api_key: undefined,
    })
    const at = (path: string) => mesh.request<Record<string, unknown>>(caller, 'GET', `/v1/providers/${path}`)
    expect((await at('claude-cli/auth-status')).body).toMatchObject({ logged_in: true })
    expect((await at('claude-cli')).status).toBe(400)
  })

  rule('getClaudeCliAuthStatus.answersEveryFailure', async () => {
    for (const apiBase of ['/nowhere/claude', '/bin/false', '/bin/echo']) {
      const { status, body } = await statusOf(mesh, apiBase)
      expect([status, body['logged_in'], typeof body['error']]).toEqual([200, false, 'string'])
    }
  })

  rule('getClaudeCliAuthStatus.waitsTenSeconds', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'clawmesh-silent-claude-'))
    const silent = join(dir, 'claude')
    await writeFile(silent, `#!/bin/sh\ntrap '' TERM\nsleep 600 & echo $$ $! > ${dir}/pids; wait\n`, { mode: 0o755 })
    const startedAt = performance.now()
    const { status, body } = await statusOf(mesh, silent)
    expect([status, body['logged_in'], typeof body['error']]).toEqual([200, false, 'string'])
    expect(performance.now() - startedAt).toBeGreaterThan(9_000)
    const pids = (await readFile(join(dir, 'pids'), 'utf8')).trim().split(' ').map(Number)
    expect(pids).toHaveLength(2)
    await eventually('nothing of the program is left', () => pids.every((pid) => !isAlive(pid)))
    await rm(dir, { recursive: true })
  })
})

describe('where they may not', () => {
  let mesh: ProvidersHarness
  beforeAll(async () => {
    mesh = await startProviders({ CLAWMESH_LOCAL_PROVIDERS: 'off' })
  })
  afterAll(() => mesh.stop())

  rule('getClaudeCliAuthStatus.runsNothingUnasked', async () => {
    const { body } = await statusOf(mesh, program)
    expect(body).toMatchObject({ logged_in: false, error: 'providers on this machine are switched off' })
  })
})
