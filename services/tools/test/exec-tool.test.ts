import { mkdir, mkdtemp, readFile, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../../test/support/eventually.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { denyGroupLines } from './exec-deny-lines.ts'
import { deniedPathTest, ownPaths } from '../src/exec/denied-path.ts'
import { boundProcesses } from '@clawmesh/chassis/exec'
import { loadConfigs } from '@clawmesh/chassis'
import { findSandbox, type FoundSandbox } from '../src/exec/sandbox.ts'
import { sandboxDefaultsOf } from '../src/exec/settings.ts'
import { toolsConfig } from '../src/index.ts'
import { createShellPort, type ShellParts } from '../src/exec/shell-port.ts'
import type { ResolvedAgent } from '../src/invoke/types.ts'
import { agentFacts } from './context.ts'

const found = await findSandbox()
const bound = await boundProcesses(10)
await bound?.remove()
const itSandboxed = found.sandbox ? it : it.skip
if (!found.sandbox) console.warn(`the sandbox is not tested: ${found.missing}`)
/** Where nothing bounds processes a fork bomb takes the machine with it before it is seen. */
const isBounded = process.getuid?.() !== 0 || bound !== undefined
if (!isBounded) console.warn('a fork bomb is not tested: nothing bounds the processes of root here')

let base: string
let path: string

beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'exec-')))
  path = join(base, 'agent', 'alice')
  await mkdir(path, { recursive: true })
})
afterAll(() => rm(base, { recursive: true, force: true }))

interface Options {
  settings?: Partial<ShellParts['settings']>
  agent?: Partial<ResolvedAgent>
  sandbox?: FoundSandbox
  workingDir?: string
  signal?: AbortSignal
  wasAllowed?: boolean
  isOperators?: boolean
}

const execute = async (
  command: string,
  { settings, agent, sandbox = found, workingDir = '.', signal, wasAllowed = false, isOperators = false }: Options = {},
) => {
  const { shell } = createShellPort({
    workspaceOf: () => ({ base, path }),
    isOnDisk: true,
    findSandbox: async () => sandbox,
    settings: {
      execOnHost: false,
      sandboxMode: 'all',
      sandboxDefaults: {},
      sandboxNetwork: false,
      shellDenyGroups: {},
      execSecurity: 'full',
      execAsk: 'off',
      execAllowlist: [],
      ...settings,
    },
    isDeniedPath: deniedPathTest(
      ownPaths({ dataDir: '/data', workspaceDir: '/data/workspace', config: { configFile: '/srv/own.json5' } }),
    ),
    programOf: async () => undefined,
    approvals: {
      isAllowed: async () => wasAllowed,
      ask: async () => {
        throw new Error('an operator is asked')
      },
    },
  })
  const call = { caller: testCaller(), requestId: 'r', signal: new AbortController().signal }
  const resolved = { ...agentFacts, workspaceFolder: '', toolsConfigJson: '', hasAccess: true, ...agent }
  const port = shell({
    call,
    userId: 'alice',
    sessionKey: '',
    channel: 'ws',
    chatId: '',
    peerKind: 'direct',
    agent: resolved,
    settings: [],
  })!
  return port
    .run({
      ...{ command, workingDir, signal: signal ?? call.signal },
      ...(isOperators && { ofOperator: { env: {}, timeoutMs: 10_000 } }),
    })
    .catch((thrown: Error) => ({ output: thrown.message, isError: true }))
}

const everythingAllowed = Object.fromEntries(
  'destructive_ops data_exfiltration reverse_shell code_injection privilege_escalation dangerous_paths env_injection container_escape crypto_mining filter_bypass network_recon package_install persistence process_control env_dump'
    .split(' ')
    .map((name) => [name, false]),
)
/** The sandbox alone: what it keeps in when every command passes the guard. */
const unguarded = (command: string, agent: Partial<ResolvedAgent> = {}) =>
  execute(command, { settings: { shellDenyGroups: everythingAllowed }, agent })
const sandboxConfig = (config: object): Partial<ResolvedAgent> => ({ sandboxConfigJson: JSON.stringify(config) })

describe('the tool exec', () => {
  it.each([
    ['', 'the command is empty'],
    ['a\0b', 'the command contains a NUL byte'],
    ['rm -rf x', 'command denied by safety policy: Destructive Operations'],
    ['cat config.json', 'command denied by safety policy: it names a file of the system'],
    ['ls ~/.goclaw/x', 'command denied by safety policy: it names a file of the system'],
    ['ls /data/keys', 'command denied by safety policy: it names a file of the system'],
    ...['memory.db', './memory.db-wal', 'goclaw.db-shm', 'memory/note', 'delegate/x'].map((path): [string, string] => [
      `cat ${path}`,
      'command denied by safety policy: it names a file of the system',
    ]),
    ['cp /srv/own.json5 x', 'command denied by safety policy: it names a file of the system'],
    ['echo "', 'command denied by safety policy: syntax error: unterminated double quote'],
  ])('refuses %j: %s', async (command, output) => {
    expect(await execute(command)).toEqual({ output, isError: true })
  })

  it('exempts skills from the denial of paths, and from nothing else', async () => {
    const sandbox: FoundSandbox = { missing: 'x' }
    expect((await execute('ls .goclaw/skills-store/x', { sandbox })).output).toMatch('commands cannot run here')
    expect((await execute('rm -rf .goclaw/skills-store/x', { sandbox })).output).toMatch('Destructive Operations')
  })

  it('runs nothing on the machine itself without the word of its operator', async () => {
    const sandbox: FoundSandbox = { missing: 'bubblewrap is not installed' }
    const refusal =
      'commands cannot run here: bubblewrap is not installed, and running them on the machine itself is not allowed'
    for (const mode of ['all', 'non-main', 'off'])
      expect((await execute('pwd', { sandbox, agent: sandboxConfig({ mode }) })).output).toBe(refusal)
    expect(await execute('pwd', { sandbox, settings: { execOnHost: true } })).toMatchObject({
      output: '.\n',
      isError: false,
    })
  })

  rule('listShellDenyGroups.areOverridden', async () => {
    const allowed = { settings: { shellDenyGroups: { process_control: false, unknown: false } } }
    const agent = { shellDenyGroupsJson: '{"process_control":true,"env_dump":false}' }
    expect((await execute('pkill x', allowed)).output).not.toMatch('denied')
    expect((await execute('pkill x', { ...allowed, agent })).output).toMatch('Process Manipulation')
    expect((await execute('printenv HOME', { agent })).output).not.toMatch('denied')
  })

  it.each<[string, string, string[], string, 'run' | 'ask' | 'refuse', 'was allowed'?]>([
    ['deny', 'off', ['*'], 'ls', 'refuse'],
    ['allowlist', 'off', ['ls', 'git *'], 'ls -l', 'run'],
    ['allowlist', 'off', ['git log*'], 'git log -n 1', 'run'],
    ['allowlist', 'off', ['ls'], 'lsof', 'refuse'],
    ['allowlist', 'off', ['ls'], 'ls; lsof', 'refuse'],
    ['allowlist', 'off', ['ls*'], 'ls $(lsof)', 'refuse'],
    ['allowlist', 'off', ['ls*'], 'ls > x', 'refuse'],
    ['allowlist', 'off', ['ls*'], 'A=1 ls', 'refuse'],
    ['allowlist', 'on-miss', ['ls'], 'lsof', 'ask'],
    ['allowlist', 'always', ['ls'], 'ls', 'ask'],
    ['full', 'off', [], 'lsof', 'run'],
    ['full', 'always', ['ls'], 'ls', 'ask'],
    ['full', 'on-miss', [], 'git status', 'run'],
    ['full', 'on-miss', ['lsof'], 'lsof -i', 'run'],
    ['full', 'on-miss', [], 'lsof', 'ask'],
    ['full', 'on-miss', [], 'git status | cat', 'ask'],
    ['full', 'on-miss', [], 'git status &', 'ask'],
    ['full', 'on-miss', [], 'wget https://x', 'ask'],
    ['deny', 'on-miss', [], 'lsof', 'refuse', 'was allowed'],
    ['allowlist', 'off', [], 'lsof', 'run', 'was allowed'],
    ['full', 'on-miss', [], 'lsof', 'run', 'was allowed'],
    ['full', 'always', [], 'lsof', 'ask', 'was allowed'],
    // What installs packages is denied, but where an operator can be asked.
    ['full', 'on-miss', ['npm'], 'npm install x', 'ask'],
    ['full', 'on-miss', [], 'npm install x', 'run', 'was allowed'],
    ['allowlist', 'on-miss', ['npm'], 'npm install x', 'ask'],
    ['deny', 'on-miss', [], 'npm install x', 'refuse'],
  ])(
    'with security %s and ask %s and the list %j it treats %s so: %s',
    async (execSecurity, execAsk, execAllowlist, ...[command, treated, before]) => {
      const settings = { execSecurity, execAsk, execAllowlist } as Partial<ShellParts['settings']>
      const wasAllowed = before === 'was allowed'
      const { output } = await execute(command, { settings, sandbox: { missing: 'nothing runs' }, wasAllowed })
      expect(output).toMatch(
        {
          run: 'nothing runs',
          ask: 'an operator is asked',
          refuse: 'the operator does not let this command run',
        }[treated],
      )
    },
  )

  it('gives no command a variable that it may not set, unless the group is allowed', async () => {
    const given = (name: string, more: Partial<ResolvedAgent> = {}): Options => ({
      ...{ sandbox: { missing: 'nothing runs' }, settings: { execSecurity: 'allowlist', execAllowlist: ['ls'] } },
      agent: { ...sandboxConfig({ env: { [name]: '/workspace/x' } }), ...more },
    })
    for (const name of ['BASH_ENV', 'LD_PRELOAD', 'GIT_EXTERNAL_DIFF'])
      expect((await execute('ls', given(name))).output).toMatch('Environment Variable Injection')
    const allowed = { shellDenyGroupsJson: '{"env_injection":false}' }
    expect((await execute('ls', given('LD_PRELOAD', allowed))).output).toMatch('nothing runs')
    // A name is no listed program where the agent says what is found under it.
    expect((await execute('ls', given('PATH'))).output).toBe('the operator does not let this command run')
    expect((await execute('ls', given('X'))).output).toMatch('nothing runs')
  })

  it('denies what installs packages where nobody is asked', async () => {
    expect((await execute('npm install x', { wasAllowed: true })).output).toMatch('denied by safety policy: Package')
    const settings = { execAsk: 'on-miss' } as const
    expect((await execute('npm install x; rm -rf y', { settings })).output).toMatch('Destructive Operations')
  })

  const onHost: Options = { settings: { execOnHost: true, sandboxMode: 'off' } }

  it('says what was written, to where, and how it ended', async () => {
    expect((await execute('echo out; echo err >&2', onHost)).output).toBe('out\n\nSTDERR:\nerr\n')
    expect(await execute('true', onHost)).toMatchObject({
      output: '(command completed with no output)',
      isError: false,
    })
    expect(await execute('exit 3', onHost)).toMatchObject({ output: '[exit code 3]', isError: true })
    expect((await execute('no-such-program', onHost)).output).toMatch('[exit code 127: there is no such program]')
  })

  it('cuts what is long: its head, and its tail where that sums up', async () => {
    expect((await execute('seq 20000', onHost)).output).toMatch(/^1\n2\n.*\[\.\.\. \d+ characters more\]$/s)
    const { output } = await execute('seq 20000; echo 5 errors in total', onHost)
    expect(output.length).toBeLessThan(30_200)
    expect(output).toMatch(/^1\n.*characters left out.*5 errors in total\n$/s)
  })

  it.each([
    ['No space left on device', 'the disk, or the temporary folder, is full'],
    ['Read-only file system', 'only the workspace and temporary folders can be written to'],
    ['Could not resolve host: x', 'commands have no network here'],
    ['Permission denied', 'permission was denied'],
  ])('says of a failure with %j what it is about', async (said, hint) => {
    expect((await execute(`echo "${said}" >&2; exit 4`, onHost)).output).toMatch(`[exit code 4: ${hint}]`)
  })

  it.each(['all', 'non-main', 'off'])('is bounded as the contract says in the sandbox, with mode %s', async (mode) => {
    let seen: unknown
    const wrap: NonNullable<FoundSandbox['sandbox']>['wrap'] = async (program) => {
      seen = program.limits
      return { command: '/bin/true', args: [], cwd: '/', ...(program.limits && { limits: program.limits }) }
    }
    await execute('ls', { sandbox: { sandbox: { wrap } }, agent: sandboxConfig({ mode }) })
    expect(seen).toMatchObject({ timeoutMs: 300_000, memoryBytes: 512 * 1024 * 1024, outputBytes: 1024 * 1024 })
  })

  it('runs in a folder of the workspace, and in no other', async () => {
    await mkdir(join(path, 'sub'), { recursive: true })
    expect((await execute('pwd', { ...onHost, workingDir: 'sub' })).output).toBe('./sub\n')
    for (const workingDir of ['..', '/etc', 'sub/../../x', 'none'])
      expect((await execute('pwd', { ...onHost, workingDir })).isError).toBe(true)
  })

  it('ends with its call', async () => {
    const abort = new AbortController()
    const running = execute('touch began; sleep 300', { ...onHost, signal: abort.signal })
    await until(async () => (await readdir(path)).includes('began'))
    abort.abort()
    expect((await running).output).toMatch('it was cancelled')
  })

  it('ends what takes too long', async () => {
    const agent = sandboxConfig({ mode: 'off', timeout_sec: 1 })
    expect((await execute('sleep 300', { ...onHost, agent })).output).toMatch('it did not end within 1 seconds')
  })
})

describe('the sandbox', () => {
  itSandboxed('sees the workspace as its own folder, and works in it', async () => {
    const { output } = await unguarded('pwd; echo inside > made.txt; cat made.txt')
    expect(output).toBe('/workspace\ninside\n')
    expect(await readFile(join(path, 'made.txt'), 'utf8')).toBe('inside\n')
  })

  itSandboxed.each([
    ['x=5; for i in 1 2; do echo $((x * i)); done', '5\n10\n'],
    ['printf "b\\na\\n" | sort | head -n 1', 'a\n'],
    ["sed 's/a/e/' <<< bar", 'ber\n'],
    ['env FOO=1 printf %s "$HOME"', '/tmp'],
    ['echo hi > f && chmod +x f && [ -x f ] && rm f && echo gone', 'gone\n'],
    ['base64 -d <<< aGk= > g; cat g', 'hi'],
    ['bash -n made.txt; find . -name made.txt', './made.txt\n'],
  ])('runs what passes the guard: %s', async (command, output) => {
    expect(await execute(command)).toMatchObject({ output, isError: false })
  })

  itSandboxed('runs every line that passes the guard, for real, and nothing outside is touched', async () => {
    const before = await readdir(base)
    await Promise.all(
      Object.values(denyGroupLines).flatMap(({ passes }) =>
        passes.map(async (line) => {
          const { output } = await execute(line, { agent: sandboxConfig({ timeout_sec: 10 }) })
          expect([line, output]).toEqual([line, expect.not.stringMatching(/denied by safety policy/)])
        }),
      ),
    )
    expect(await readdir(base)).toEqual(before)
  })

  itSandboxed('has no network', async () => {
    const { output } = await unguarded('echo > /dev/tcp/127.0.0.1/22; tail -n +3 /proc/net/dev')
    expect(output).toMatch('lo:')
    expect(output).not.toMatch(/eth|ens|veth/)
    expect(output).toMatch(/Connection refused|unreachable/i)
  })

  itSandboxed('sees no files but its own: no other workspace, no home, no accounts, no processes', async () => {
    const other = join(base, 'agent', 'bob')
    await mkdir(other, { recursive: true })
    await writeFile(join(other, 'secret'), 'of bob')
    const { output } = await unguarded(
      `cat '${other}/secret' ../bob/secret /etc/shadow /etc/passwd; ls /home /root '${base}'; ls -d /proc/[0-9]* | wc -l`,
    )
    expect(output).not.toMatch('of bob')
    expect(output).not.toMatch('root:')
    expect(Number(/(\d+)\n(?:\nSTDERR|$)/.exec(output)?.[1])).toBeLessThan(12)
  })

  itSandboxed('changes nothing outside: the system, the kernel, its own limits', async () => {
    const before = await readFile('/proc/sys/kernel/core_pattern', 'utf8')
    const { output } = await unguarded(
      'touch /usr/x /etc/x /x; echo x > /proc/sys/kernel/core_pattern; echo b > /proc/sysrq-trigger; mount -t tmpfs x /workspace; unshare -r id; chroot / id; echo done',
    )
    expect(output).toMatch('done')
    expect(await readFile('/proc/sys/kernel/core_pattern', 'utf8')).toBe(before)
    expect(output).not.toMatch('uid=')
  })

  itSandboxed("keeps the system's own files in a workspace out of sight", async () => {
    await writeFile(join(path, 'config.json'), 'secret')
    await mkdir(join(path, 'memory'), { recursive: true })
    await writeFile(join(path, 'memory', 'note'), 'secret')
    const { output } = await unguarded('cat con*.json mem*/*; echo x > memory/y; ls -a memory')
    expect(output).not.toMatch('secret')
    expect(await readdir(join(path, 'memory'))).toEqual(['note'])
    await rm(join(path, 'config.json'))
  })

  itSandboxed('knows nothing of our environment', async () => {
    process.env['EXEC_TEST_SECRET'] = 'do-not-tell'
    const { output } = await unguarded('env; cat /proc/*/environ')
    delete process.env['EXEC_TEST_SECRET']
    expect(output).not.toMatch('do-not-tell')
  })

  const itBounded = found.sandbox && isBounded ? it : it.skip
  itBounded('ends a fork bomb', async () => {
    const { output } = await unguarded(
      ':(){ :|:& };: ; sleep 5; echo end',
      sandboxConfig({ pids_limit: 40, timeout_sec: 10 }),
    )
    expect(output).toMatch(/Resource temporarily unavailable|more processes than it may/)
  })

  itSandboxed('ends what eats memory or disk', async () => {
    expect(
      (await unguarded('x=$(head -c 300M /dev/zero | tr "\\0" x); sleep 20', sandboxConfig({ memory_mb: 100 }))).output,
    ).toMatch('more memory than it may')
    expect(
      (await unguarded('dd if=/dev/zero of=/tmp/x bs=1M count=100', sandboxConfig({ tmpfs_size_mb: 8 }))).output,
    ).toMatch('No space left on device')
  })

  itSandboxed('ends what fills the disk of the workspace', async () => {
    const { output } = await unguarded('head -c 20G /dev/zero > big; echo "ended $?"; rm -f big')
    expect(output).not.toMatch('ended 0')
    await rm(join(path, 'big'), { force: true })
  })

  itSandboxed('reads and traces no process but its own, and can become no other user', async () => {
    const trial = [
      'head -c 1 /proc/1/mem > /dev/null 2>&1 && echo memory',
      'ls /proc | grep -E "^[0-9]+$" | wc -l | { read n; [ "$n" -lt 12 ] || echo processes; }',
      'grep -q "^CapEff:.*[1-9a-f]" /proc/self/status && echo capabilities',
      'grep -q "^NoNewPrivs:.*1" /proc/self/status || echo privileges',
      'unshare -Ur true 2>/dev/null && echo namespaces',
    ]
    expect(await unguarded(`${trial.join('; ')}; echo done`)).toMatchObject({ output: 'done\n', isError: false })
  })

  itSandboxed('leaves no process behind', async () => {
    await unguarded('setsid sh -c "while :; do echo alive >> beat; sleep 0.05; done" > /dev/null 2>&1 & sleep 0.3')
    const size = (await readFile(join(path, 'beat'), 'utf8')).length
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect((await readFile(join(path, 'beat'), 'utf8')).length).toBe(size)
  })

  itSandboxed('gives as much of the workspace as the agent is configured for', async () => {
    expect((await unguarded('echo x > y', sandboxConfig({ workspace_access: 'ro' }))).output).toMatch(
      'only the workspace and temporary folders can be written to',
    )
    expect((await unguarded('ls -A; echo x > y; cat y', sandboxConfig({ workspace_access: 'none' }))).output).toBe(
      'x\n',
    )
  })

  itSandboxed('takes in modes: all, all but main and default, or none where the machine may be used', async () => {
    const at = async (mode: string, key: string) =>
      (await execute('pwd', { settings: { execOnHost: true }, agent: { key, ...sandboxConfig({ mode }) } })).output
    expect(await at('all', 'main')).toBe('/workspace\n')
    expect(await at('non-main', 'writer')).toBe('/workspace\n')
    expect(await at('non-main', 'default')).toBe('.\n')
    expect(await at('off', 'writer')).toBe('.\n')
  })

  itSandboxed(
    'is set up before each command, by what the guard lets pass, and never for a command of an operator',
    async () => {
      const setup = (setup_command: string, more: object = {}) => ({ agent: sandboxConfig({ setup_command, ...more }) })
      const made = setup('echo said; mkdir /tmp/made; echo "$X" > /tmp/made/x', { env: { X: 'own' } })
      expect((await execute('cd /tmp/made; wc -c x', made)).output).toBe('4 x\n')
      expect((await execute('echo ran', setup('ls /none'))).output).toMatch(/setup_command failed\n\n\[exit code 1\]$/)
      expect((await execute('echo ran', setup("r''m -rf ."))).output).toMatch('Destructive Operations')
      const asks = { ...setup('npm install x'), settings: { execAsk: 'on-miss' } as const }
      expect((await execute('ls', asks)).output).toBe('setup_command installs packages, which nobody is asked about')
      expect((await execute('cat /tmp/made/x', { ...made, isOperators: true })).output).toMatch('No such file')
      const listed = { execSecurity: 'allowlist', execAllowlist: ['cat *'] } as const
      const once = { ...setup('echo x > /tmp/x'), settings: listed }
      expect((await execute('cat /tmp/x', once)).output).toBe('the operator does not let setup_command run')
      const ofAll = { settings: { ...listed, sandboxDefaults: { setup_command: 'echo x > /tmp/x' } } }
      expect((await execute('cat /tmp/x', ofAll)).output).toBe('x\n')
    },
  )

  itSandboxed('is as the installation says where the agent does not, or not in words that can be read', async () => {
    const sandboxDefaults = { workspace_access: 'ro', env: { A: 'all', B: 'all' }, timeout_sec: 1 } as const
    const said = async (config: object) =>
      (await execute('echo $A $B; echo x > y', { settings: { sandboxDefaults }, agent: sandboxConfig(config) })).output
    expect(await said({ workspace_access: 'all of it', env: { B: 'own' } })).toMatch(/^all own\n.*can be written to/s)
    expect(await said({ workspace_access: 'rw' })).toBe('all all\n')
    const { output } = await execute('sleep 300', { settings: { sandboxDefaults } })
    expect(output).toMatch('it did not end within 1 seconds')
  })

  it('is set up for all agents by the variables that operators of GoClaw have, over the file', () => {
    const read = (env: Record<string, string>) =>
      sandboxDefaultsOf(
        loadConfigs({ tools: toolsConfig }, env, {
          file: { path: '/c.json', values: { agents: { defaults: { sandbox: { memory_mb: 64, pids_limit: 7 } } } } },
        }).tools,
      )
    expect(
      read({
        GOCLAW_SANDBOX_WORKSPACE_ACCESS: 'ro',
        GOCLAW_SANDBOX_MEMORY_MB: '256',
        GOCLAW_SANDBOX_TIMEOUT_SEC: '9000',
        GOCLAW_SANDBOX_NETWORK: 'true',
      }),
    ).toEqual({ workspace_access: 'ro', memory_mb: 256, timeout_sec: 600, network_enabled: true, pids_limit: 7 })
    expect(read({})).toEqual({ memory_mb: 64, pids_limit: 7 })
    expect(() => read({ GOCLAW_SANDBOX_WORKSPACE_ACCESS: 'all' })).toThrow('GOCLAW_SANDBOX_WORKSPACE_ACCESS')
  })

  itSandboxed('has a network only where agent and installation both say so', async () => {
    const asks = sandboxConfig({ network_enabled: true })
    const interfaces = async (settings: Partial<ShellParts['settings']>, agent: Partial<ResolvedAgent>) =>
      (await execute('tail -n +3 /proc/net/dev | wc -l', { settings, agent })).output
    expect(await interfaces({ sandboxNetwork: false }, asks)).toBe('1\n')
    expect(await interfaces({ sandboxNetwork: true }, {})).toBe('1\n')
  })

  itSandboxed('knows with the network the certificates that ours is signed with', async () => {
    const certificate = join(path, '..', 'own-ca.pem')
    await writeFile(certificate, 'a certificate')
    const before = process.env['SSL_CERT_FILE']
    process.env['SSL_CERT_FILE'] = certificate
    try {
      const read = async (agent: Partial<ResolvedAgent>) =>
        (await execute('cat "$SSL_CERT_FILE"; true', { settings: { sandboxNetwork: true }, agent })).output
      expect(await read(sandboxConfig({ network_enabled: true }))).toBe('a certificate')
      expect(await read({})).not.toContain('a certificate')
    } finally {
      if (before === undefined) delete process.env['SSL_CERT_FILE']
      else process.env['SSL_CERT_FILE'] = before
      await rm(certificate)
    }
  })
})
