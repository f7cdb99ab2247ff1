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
import { defaultLimits, findProgram, runChild, type ChildLimits, type ChildProgram } from '@clawmesh/chassis/exec'
import { credentialedProgram, mark, refused } from './credentialed.ts'
import { denyGroupNames, type DenyGroupName } from './guard/groups.ts'
import { judge, type GroupOverrides } from './guard/guard.ts'
import { outputText } from './output.ts'
import { permissionFor, type PermissionSettings } from './permission.ts'
import { readSandboxConfig, usesSandbox, type SandboxConfig, type SandboxMode } from './sandbox-config.ts'
import type { FoundSandbox } from './sandbox.ts'
import type { Script } from './shell/script.ts'

export interface ShellParts {
  workspaceOf: (scope: CallScope) => Workspace | undefined
  findSandbox: () => Promise<FoundSandbox>
  settings: PermissionSettings & {
    execOnHost: boolean
    sandboxMode: SandboxMode
    sandboxNetwork: boolean
    shellDenyGroups: Readonly<Record<string, boolean>>
  }
  isDeniedPath: (word: string) => boolean
  /** The credentials of the program that a command begins with, for an agent and a user. */
  programOf: (
    scope: { tenantId: string; userId: string; agentId: string },
    name: string,
  ) => Promise<GivenProgram | undefined>
}

const MiB = 1024 * 1024
const hostTimeoutMs = 60_000
const sandboxTimeoutMs = 300_000

/** What installation and agent say of the groups, the agent's word first; what is no group is left out. */
const overridesOf = (ofInstallation: Readonly<Record<string, boolean>>, ofAgentJson = '{}'): GroupOverrides => {
  const ofAgent = JSON.parse(ofAgentJson) as Record<string, unknown>
  const said = { ...ofInstallation, ...ofAgent }
  return Object.fromEntries(
    denyGroupNames.flatMap((name): [DenyGroupName, boolean][] => {
      const value = Object.hasOwn(said, name) ? said[name] : undefined
      return typeof value === 'boolean' ? [[name, value]] : []
    }),
  )
}

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

export const createShellPort = ({ workspaceOf, findSandbox, settings, isDeniedPath, programOf }: ShellParts) => {
  let sandbox: Promise<FoundSandbox> | undefined
  let bash: Promise<string | undefined> | undefined

  /** @param mustBeApart whether the machine itself will not do where the sandbox is wanted */
  const placed = async (
    program: ChildProgram,
    root: string,
    config: SandboxConfig,
    agentKey: string,
    mustBeApart = false,
  ): Promise<ChildProgram> => {
    const found = await (sandbox ??= findSandbox())
    const wanted = usesSandbox(config.mode ?? settings.sandboxMode, agentKey)
    if (!wanted && settings.execOnHost) return program
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

  return {
    shell: (scope) => {
      const { agent } = scope
      const workspace = workspaceOf(scope)
      if (!agent || !workspace) return undefined
      const config = readSandboxConfig(agent.sandboxConfigJson)
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
        const { stdout, stderr, ...end } = await runChild(program)
        // Before the texts are cut, as what is left of a cut secret would not be known for one.
        const secrets = Object.values(given.env)
        const clean = (said: string) => scrub(said, { secrets }).replaceAll(root, '.')
        const { text, isError } = outputText({ ...end, stdout: clean(stdout), stderr: clean(stderr) }, limits)
        return isError ? fails(`${mark} ${text}`) : says(text)
      }
      return {
        run: async ({ command, workingDir, signal }) => {
          if (command.trim() === '') throw toolError('the command is empty')
          if (command.includes('\0')) throw toolError('the command contains a NUL byte')
          const path = await (bash ??= findProgram('bash').catch(() => undefined))
          const verdict = judge(command, {
            shell: path === undefined ? 'sh' : 'bash',
            given: Object.keys(config.env),
            overrides: overridesOf(settings.shellDenyGroups, agent.shellDenyGroupsJson),
            isDeniedPath,
          })
          if (!verdict.allowed) throw toolError(`command denied by safety policy: ${verdict.reason}`)
          const given = await credentialsFor(scope, agent.id, verdict.script)
          if (given !== undefined) return runCredentialed({ command, workingDir, signal }, given)
          const permission = permissionFor(settings, command, verdict.script)
          // Nobody can be asked yet: what waits for an operator's word does not get it.
          if (permission !== 'run')
            throw toolError(
              permission === 'ask'
                ? 'the command needs the approval of an operator'
                : 'the operator does not let this command run',
            )

          const { root, folder } = await folderIn(workspace, workingDir)
          const limits = limitsOf(config, usesSandbox(config.mode ?? settings.sandboxMode, agent.key))
          const text = command.replaceAll('\r\n', '\n')
          const shell =
            path === undefined
              ? { command: '/bin/sh', args: ['-c', text] }
              : { command: path, args: ['--norc', '--noprofile', '-c', text] }
          const program = await placed(
            { ...shell, cwd: folder, env: config.env, limits, signal },
            root,
            config,
            agent.key,
          )
          const output = outputText(await runChild(program), limits)
          return (output.isError ? fails : says)(output.text.replaceAll(root, '.'))
        },
      }
    },
  } satisfies PortMakers<CallScope>
}
