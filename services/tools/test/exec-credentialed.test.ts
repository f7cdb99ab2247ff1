/** Commands of programs that have credentials, run for real. */
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { programFor, type GivenProgram } from '../src/cli-credentials/access.ts'
import { findSandbox, type FoundSandbox } from '../src/exec/sandbox.ts'
import { createShellPort, type ShellParts } from '../src/exec/shell-port.ts'
import { agentFacts } from './context.ts'

const found = await findSandbox()
const itSandboxed = found.sandbox ? it : it.skip

let base: string
let path: string
beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'credentialed-')))
  path = join(base, 'agent', 'alice')
  await mkdir(path, { recursive: true })
})
afterAll(() => rm(base, { recursive: true, force: true }))

const awk: GivenProgram = {
  id: '1',
  binaryName: 'awk',
  binaryPath: null,
  description: '',
  denyArgs: [],
  denyVerbose: [],
  timeoutSeconds: 30,
  tips: '',
  agentId: null,
  enabled: true,
  createdBy: '',
  envKeys: ['KEY_OF_TEST'],
  createdAt: new Date(),
  updatedAt: new Date(),
  env: { KEY_OF_TEST: 'abcdefghij' },
}

interface Options {
  program?: Partial<GivenProgram>
  settings?: Partial<ShellParts['settings']>
  sandbox?: FoundSandbox
  mode?: 'all' | 'off'
}

const execute = async (command: string, { program, settings, sandbox = found, mode = 'off' }: Options = {}) => {
  const { shell } = createShellPort({
    workspaceOf: () => ({ base, path }),
    isOnDisk: true,
    findSandbox: async () => sandbox,
    settings: {
      execOnHost: true,
      sandboxMode: mode,
      sandboxDefaults: {},
      sandboxNetwork: false,
      shellDenyGroups: {},
      execSecurity: 'full',
      execAsk: 'off',
      execAllowlist: [],
      ...settings,
    },
    isDeniedPath: () => false,
    approvals: { isAllowed: async () => false, ask: async () => 'denied' },
    programOf: async ({ agentId }, name) => programFor([{ ...awk, ...program }], name, agentId),
  })
  const call = { caller: testCaller(), requestId: 'r', signal: new AbortController().signal }
  const agent = { ...agentFacts, workspaceFolder: '', toolsConfigJson: '', hasAccess: true }
  return shell({
    call,
    userId: 'alice',
    sessionKey: '',
    channel: 'ws',
    chatId: '',
    peerKind: 'direct',
    agent,
    settings: [],
  })!
    .run({ command, workingDir: '.', signal: call.signal })
    .catch((thrown: Error) => ({ output: thrown.message, isError: true }))
}

/** How long the secret is that the program was given. */
const length = `'BEGIN{print length(ENVIRON["KEY_OF_TEST"])}'`

describe('a program with credentials', () => {
  it.each([
    ['with quoted words as they are', `awk 'BEGIN{print ARGC, ARGV[1], ARGV[2]}' 'a  b' ""`, '3 a  b \n'],
    ['with its variables', `awk ${length}`, '10\n'],
  ])(ruleName('createCliCredential.runsWithoutAShell', '%s'), async (_, command, output) => {
    // Whoever would have to be asked is not.
    const settings = { execAsk: 'always', execSecurity: 'allowlist' } as const
    expect(await execute(command, { settings })).toMatchObject({ output, isError: false })
  })

  it(ruleName('createCliCredential.runsWithoutAShell', 'its agent’s before everybody’s'), () => {
    const rows = [
      { ...awk, id: 'all' },
      { ...awk, id: 'mine', agentId: 'a' },
      { ...awk, id: 'off', agentId: 'b', enabled: false },
    ]
    expect(['a', 'b', 'c'].map((agent) => programFor(rows, 'awk', agent)?.id)).toEqual(['mine', 'all', 'all'])
  })

  it.each([
    `awk ${length}; ls`,
    `awk ${length} | cat`,
    `awk ${length} && true`,
    `awk ${length} > file`,
    `awk ${length} < file`,
    `awk ${length}\nls`,
    'awk "`ls`"',
    'awk "$(ls)"',
    'awk "${HOME}"',
    `awk '{print "a;b"}'`,
    'awk $HOME',
    'awk *.txt',
    `KEY=1 awk ${length}`,
  ])(ruleName('createCliCredential.takesOneProgram', '%j'), async (command) => {
    const { output, isError } = await execute(command)
    expect({ output, isError }).toMatchObject({
      output: expect.stringMatching(/^\[CREDENTIALED EXEC\] awk runs/),
      isError,
    })
    expect(isError).toBe(true)
  })

  it.each([
    ['denyArgs', String.raw`repo\s+delete`, `awk repo "delete"`],
    ['denyVerbose', '--debug', 'awk x --debug'],
  ])(ruleName('createCliCredential.deniesPatterns', '%s'), async (list, pattern, command) => {
    const { output } = await execute(command, { program: { [list]: [pattern] } })
    expect(output).toBe(`[CREDENTIALED EXEC] the operator has blocked this for awk: it matches ${pattern}`)
  })

  it('takes linear time for any pattern', async () => {
    const { output } = await execute(`awk ${'a'.repeat(20_000)}`, { program: { denyArgs: ['(a+)+$b', '(.*)*x'] } })
    expect(output).toMatch(/^\[CREDENTIALED EXEC\]/)
  })

  rule('createCliCredential.findsTheProgram', async () => {
    const elsewhere = await execute(`awk ${length}`, { program: { binaryPath: '/opt/other/awk' } })
    expect(elsewhere.output).toBe('[CREDENTIALED EXEC] awk is not the program that the operator means')
    const missing = await execute('no-such-program x', { program: { binaryName: 'no-such-program' } })
    expect(missing.output).toBe('[CREDENTIALED EXEC] there is no program no-such-program here')
  })

  it(ruleName('createCliCredential.staysInTheSandbox', 'and fails without'), async () => {
    const { output } = await execute(`awk ${length}`, { sandbox: { missing: 'bwrap is not installed' }, mode: 'all' })
    expect(output).toMatch(/^\[CREDENTIALED EXEC\] commands cannot run here: bwrap is not installed/)
  })

  itSandboxed(ruleName('createCliCredential.staysInTheSandbox', 'with its variables'), async () => {
    const inside = await execute(`awk 'BEGIN{print length(ENVIRON["KEY_OF_TEST"]), ENVIRON["PWD"]}'`, { mode: 'all' })
    expect(inside).toMatchObject({ output: '10 /workspace\n', isError: false })
    // What stands among arguments can be read by every program of the machine; a value there would show as taken out.
    const { output } = await execute('awk 1 /proc/1/cmdline', { mode: 'all' })
    expect(output).toContain('--args')
    expect(output).not.toContain('[REDACTED]')
  })

  it('never runs where the operator lets no command run', async () => {
    const { output } = await execute(`awk ${length}`, { settings: { execSecurity: 'deny' } })
    expect(output).toBe('[CREDENTIALED EXEC] the operator does not let this command run')
  })

  it('says first that it is such a command when it fails, and ends in its time', async () => {
    expect((await execute(`awk 'BEGIN{exit 3}'`)).output).toBe('[CREDENTIALED EXEC] [exit code 3]')
    const slow = await execute('sleep 30', { program: { binaryName: 'sleep', timeoutSeconds: 1 } })
    expect(slow.output).toMatch('it did not end within 1 seconds')
  })

  it(ruleName('createCliCredential.scrubsAnswers', 'before they are cut'), async () => {
    const edge = await execute(`awk 'BEGIN{while(i++ != 4500) printf "%s", ENVIRON["KEY_OF_TEST"]}'`)
    expect(edge.output).not.toMatch(/abcdef/)
    expect(edge.output).toMatch(/^(?:\[REDACTED\])+/)
  })

  it.each([
    `true && awk ${length}`,
    `/usr/bin/awk ${length}`,
    `nice awk ${length}`,
    `sh -c 'awk "BEGIN{print length(ENVIRON[0])}"'`,
  ])(ruleName('createCliCredential.givesNobodyElse', '%s'), async (command) => {
    expect(await execute(command)).toMatchObject({ output: '0\n', isError: false })
  })
})
