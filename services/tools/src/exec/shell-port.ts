/** What the tool exec works on: a shell in the workspace of a call, behind the guard. */
import { join } from 'node:path'
import { MeshError } from '@clawmesh/contracts'
import type { GivenProgram } from '../cli-credentials/access.ts'
import { scrub } from '../invoke/scrub.ts'
import type { CallScope } from '../invoke/types.ts'
import { toolError } from '../tool/tool-error.ts'
import { fails, says, type ShellCommand, type ToolResult } from '../tool/tool.ts'
import type { PortMakers } from '../tool/ports.ts'
import { walkTo } from '../workspace/walk.ts'
import type { Workspace } from '../workspace/index.ts'
import {
  childEnvironment,
  defaultLimits,
  findProgram,
  runChild,
  standardPath,
  type ChildLimits,
  type ChildProgram,
} from '@clawmesh/chassis/exec'
import { credentialedProgram, mark, refused } from './credentialed.ts'
import { outputText } from './output.ts'
import { createPermit, type PermitParts } from './permit.ts'
import {
  readSandboxConfig,
  usesSandbox,
  type SandboxConfig,
  type SandboxDefaults,
  type SandboxMode,
} from './sandbox-config.ts'
import type { FoundSandbox } from './sandbox.ts'
import type { Script } from './shell/script.ts'

export interface ShellParts {
  workspaceOf: (scope: CallScope) => Workspace | undefined
  /** Whether the files of workspaces stand on this machine, where a command finds them. */
  isOnDisk: boolean
  findSandbox: () => Promise<FoundSandbox>
  settings: PermitParts['settings'] & {
    execOnHost: boolean
    sandboxMode: SandboxMode
    sandboxDefaults: SandboxDefaults
    sandboxNetwork: boolean
  }
  isDeniedPath: PermitParts['isDeniedPath']
  approvals: PermitParts['approvals']
  /** The credentials of the program that a command begins with, for an agent and a user. */
  programOf: (
    scope: { tenantId: string; userId: string; agentId: string },
    name: string,
  ) => Promise<GivenProgram | undefined>
}

const MiB = 1024 * 1024
const hostTimeoutMs = 60_000
const sandboxTimeoutMs = 300_000

const limitsOf = (config: SandboxConfig, isSandboxed: boolean): ChildLimits => ({
  ...defaultLimits,
  ...(config.memory_mb === undefined ? {} : { memoryBytes: config.memory_mb * MiB }),
  ...(config.pids_limit === undefined ? {} : { processes: config.pids_limit }),
  ...(config.max_output_bytes === undefined ? {} : { outputBytes: config.max_output_bytes }),
  timeoutMs:
    config.timeout_sec === undefined ? (isSandboxed ? sandboxTimeoutMs : hostTimeoutMs) : config.timeout_sec * 1000,
})

/** The folder itself, made where the workspace is new, and proven to stand in it. */
const folderIn = (workspace: Workspace, path: string): Promise<{ root: string; folder: string }> =>
  walkTo(workspace, path, { access: 'other' }, async ({ directory, name, names, root }) => {
    if (name === undefined) return { root, folder: directory.path }
    return walkTo(workspace, [...names, '.'].join('/'), { access: 'other' }, async () => ({
      root,
      folder: join(root, ...names),
    }))
  })

/** Runs a text with a shell first, whose words go nowhere, and starts nothing where it fails. */
const withSetup = (program: ChildProgram, setup: string): ChildProgram => ({
  ...program,
  command: '/bin/sh',
  args: [
    '-c',
    '"$1" -c "$0" >/dev/null || { echo "setup_command failed" >&2; exit 1; }; exec "$@"',
    setup,
    program.command,
    ...program.args,
  ],
})

/** What a command says, without values of its variables. They go before it is cut: the rest of one is known to nobody. */
const finished = async (program: ChildProgram, limits: ChildLimits, secrets: readonly string[], root: string) => {
  const { stdout, stderr, ...end } = await runChild(program)
  const clean = (said: string) => scrub(said, { secrets, onlyKnown: true }).replaceAll(root, '.')
  return outputText({ ...end, stdout: clean(stdout), stderr: clean(stderr) }, limits)
}

export const createShellPort = ({
  workspaceOf,
  isOnDisk,
  findSandbox,
  settings,
  isDeniedPath,
  approvals,
  programOf,
}: ShellParts) => {
  const permit = createPermit({ settings, isDeniedPath, approvals })
  let sandbox: Promise<FoundSandbox> | undefined
  let bash: Promise<string | undefined> | undefined

  const isOnHost = (config: SandboxConfig, agentKey: string): boolean =>
    settings.execOnHost && !usesSandbox(config.mode ?? settings.sandboxMode, agentKey)

  /** Where the command's programs are looked for. */
  const searchPathOf = async (config: SandboxConfig, agentKey: string): Promise<string> => {
    if (config.env['PATH'] !== undefined) return config.env['PATH']
    const isInside = !isOnHost(config, agentKey) && (await (sandbox ??= findSandbox())).sandbox !== undefined
    return isInside ? standardPath : childEnvironment()['PATH']!
  }

  /** @param mustBeApart whether the machine itself will not do where the sandbox is wanted */
  const placed = async (
    program: ChildProgram,
    root: string,
    config: SandboxConfig,
    agentKey: string,
    mustBeApart = false,
  ): Promise<ChildProgram> => {
    const found = await (sandbox ??= findSandbox())
    if (isOnHost(config, agentKey)) return program
    if (found.sandbox)
      return found.sandbox.wrap(program, {
        path: root,
        access: config.workspace_access,
        network: config.network_enabled && settings.sandboxNetwork,
        temporaryBytes: (config.tmpfs_size_mb ?? 64) * MiB,
      })
    if (settings.execOnHost && !mustBeApart) return program
    throw toolError(`commands cannot run here: ${found.missing}, and running them on the machine itself is not allowed`)
  }

  /** Those of the program that a command begins with: its first word as it is written, not by a path. */
  const credentialsFor = async ({ call, userId }: CallScope, agentId: string, { invocations }: Script) => {
    const name = invocations[0]?.words[0]
    return name === undefined ? undefined : programOf({ tenantId: call.caller.tenantId, userId, agentId }, name)
  }

  /** @throws TOOL_ERROR where the guard denies it, an operator would have to be asked, or it is an agent's and not listed */
  const judgeSetup = (setup: Parameters<typeof permit.judge>[0]): void => {
    const judged = permit.judge(setup)
    if (judged.isInstall) throw toolError('setup_command installs packages, which nobody is asked about')
    if (setup.command !== settings.sandboxDefaults.setup_command) permit.requireListed(setup, judged)
  }

  return {
    shell: (scope) => {
      const { agent } = scope
      const workspace = workspaceOf(scope)
      if (!agent || !workspace) return undefined
      const config = readSandboxConfig(agent.sandboxConfigJson, settings.sandboxDefaults)
      const runCredentialed = async (
        { command, workingDir, signal }: ShellCommand,
        given: GivenProgram,
      ): Promise<ToolResult> => {
        if (settings.execSecurity === 'deny') throw refused('the operator does not let this command run')
        const isApart = usesSandbox(config.mode ?? settings.sandboxMode, agent.key) || !settings.execOnHost
        const { timeoutMs, ...start } = await credentialedProgram(command, given, isApart)
        const { root, folder } = await folderIn(workspace, workingDir)
        const limits = { ...limitsOf(config, isApart), timeoutMs }
        const program = await placed({ ...start, cwd: folder, limits, signal }, root, config, agent.key, isApart).catch(
          (thrown: unknown) => {
            throw thrown instanceof MeshError ? refused(thrown.message) : thrown
          },
        )
        const { text, isError } = await finished(program, limits, Object.values(given.env), root)
        return isError ? fails(`${mark} ${text}`) : says(text)
      }
      return {
        run: async ({ command, workingDir, signal, ofOperator }) => {
          if (!isOnDisk)
            throw toolError('commands cannot run here: the files of agents are kept in object storage, not on a disk')
          if (command.trim() === '') throw toolError('the command is empty')
          if (command.includes('\0')) throw toolError('the command contains a NUL byte')
          const env = ofOperator?.env ?? config.env
          const path = await (bash ??= findProgram('bash').catch(() => undefined))
          const asked = {
            command,
            workingDir,
            scope: { ...scope, agent },
            shell: path,
            given: Object.keys(env),
            searchPath: await searchPathOf(config, agent.key),
            signal,
            isOperators: ofOperator !== undefined,
          }
          const judged = permit.judge(asked)
          const given =
            judged.isInstall || ofOperator ? undefined : await credentialsFor(scope, agent.id, judged.script)
          if (given !== undefined) return runCredentialed({ command, workingDir, signal }, given)
          await permit.require(asked, judged)
          const { root, folder } = await folderIn(workspace, workingDir)
          const limits = {
            ...limitsOf(config, !isOnHost(config, agent.key)),
            ...(ofOperator && { timeoutMs: ofOperator.timeoutMs }),
          }
          const text = command.replaceAll('\r\n', '\n')
          const shell =
            path === undefined
              ? { command: '/bin/sh', args: ['-c', text] }
              : { command: path, args: ['--norc', '--noprofile', '-c', text] }
          const wanted = { ...shell, cwd: folder, env, limits, signal }
          const { setup_command: setup } = config
          // What an operator wrote has variables that are no business of the agent's owner.
          const prepares = setup !== undefined && !ofOperator && !isOnHost(config, agent.key)
          if (prepares) judgeSetup({ ...asked, command: setup })
          const start = prepares ? withSetup(wanted, setup) : wanted
          const program = await placed(start, root, config, agent.key, prepares)
          const { text: output, isError } = await finished(program, limits, Object.values(env), root)
          return (isError ? fails : says)(output)
        },
      }
    },
  } satisfies PortMakers<CallScope>
}
