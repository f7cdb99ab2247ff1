/** Whether the claude program of the machine is signed in, asked of a real process. */
import { fileURLToPath } from 'node:url'
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
