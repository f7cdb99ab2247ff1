import { z } from 'zod'
import { flag, integer, list, type ConfigOf, type Setting } from '@clawmesh/chassis'
import { sandboxFields, type SandboxDefaults } from './sandbox-config.ts'

/** @param otherwise what holds where neither says anything */
const usually = (field: string, otherwise: string): string =>
  `${field} of sandbox_config where an agent does not say; without it ${otherwise}`

export const execSettings = {
  execOnHost: {
    env: ['CLAWMESH_EXEC_ON_HOST'],
    schema: flag(false),
    about: 'Let commands of agents run on the machine itself where no sandbox is used or none is there',
  },
  sandboxMode: {
    env: ['CLAWMESH_SANDBOX_MODE', 'GOCLAW_SANDBOX_MODE'],
    file: 'agents.defaults.sandbox.mode',
    schema: z.enum(['off', 'non-main', 'all']).default('all'),
    about: 'Whose commands run in the sandbox: off, non-main (all agents but main and default) or all',
  },
  sandboxWorkspaceAccess: {
    env: ['CLAWMESH_SANDBOX_WORKSPACE_ACCESS', 'GOCLAW_SANDBOX_WORKSPACE_ACCESS'],
    file: 'agents.defaults.sandbox.workspace_access',
    schema: sandboxFields.workspace_access.optional(),
    about: usually('workspace_access', 'rw'),
  },
  sandboxNetworkEnabled: {
    env: ['CLAWMESH_SANDBOX_NETWORK_ENABLED', 'GOCLAW_SANDBOX_NETWORK'],
    file: 'agents.defaults.sandbox.network_enabled',
    schema: sandboxFields.network_enabled.optional(),
    about: `${usually('network_enabled', 'false')}. It takes CLAWMESH_SANDBOX_NETWORK, too`,
  },
  sandboxMemoryMb: {
    env: ['CLAWMESH_SANDBOX_MEMORY_MB', 'GOCLAW_SANDBOX_MEMORY_MB'],
    file: 'agents.defaults.sandbox.memory_mb',
    schema: sandboxFields.memory_mb.optional(),
    about: usually('memory_mb', '512'),
  },
  sandboxPidsLimit: {
    env: ['CLAWMESH_SANDBOX_PIDS_LIMIT'],
    file: 'agents.defaults.sandbox.pids_limit',
    schema: sandboxFields.pids_limit.optional(),
    about: usually('pids_limit', '128'),
  },
  sandboxTimeoutSec: {
    env: ['CLAWMESH_SANDBOX_TIMEOUT_SEC', 'GOCLAW_SANDBOX_TIMEOUT_SEC'],
    file: 'agents.defaults.sandbox.timeout_sec',
    schema: sandboxFields.timeout_sec.optional(),
    about: usually('timeout_sec', '300, and 60 on the machine itself'),
  },
  sandboxTmpfsSizeMb: {
    env: ['CLAWMESH_SANDBOX_TMPFS_SIZE_MB'],
    file: 'agents.defaults.sandbox.tmpfs_size_mb',
    schema: sandboxFields.tmpfs_size_mb.optional(),
    about: usually('tmpfs_size_mb', '64'),
  },
  sandboxMaxOutputBytes: {
    env: ['CLAWMESH_SANDBOX_MAX_OUTPUT_BYTES'],
    file: 'agents.defaults.sandbox.max_output_bytes',
    schema: sandboxFields.max_output_bytes.optional(),
    about: usually('max_output_bytes', '1048576'),
  },
  sandboxEnv: {
    env: ['CLAWMESH_SANDBOX_ENV'],
    file: 'agents.defaults.sandbox.env',
    schema: sandboxFields.env.optional(),
    about: 'env of sandbox_config for all agents, as JSON; of a variable that an agent has, too, its own counts',
  },
  sandboxSetupCommand: {
    env: ['CLAWMESH_SANDBOX_SETUP_COMMAND'],
    file: 'agents.defaults.sandbox.setup_command',
    schema: sandboxFields.setup_command.optional(),
    about: usually('setup_command', 'none'),
  },
  sandboxNetwork: {
    env: ['CLAWMESH_SANDBOX_NETWORK'],
    schema: flag(false),
    about: 'Let agents whose sandbox_config asks for the network have it: with it they reach private addresses too',
  },
  shellDenyGroups: {
    env: ['CLAWMESH_SHELL_DENY_GROUPS'],
    file: 'tools.shellDenyGroups',
    schema: z.record(z.string().max(100), z.boolean()).default({}),
    about: 'Groups of commands that are denied (true) or allowed (false) where an agent does not say, as JSON',
  },
  execSecurity: {
    env: ['CLAWMESH_EXEC_SECURITY'],
    file: 'tools.execApproval.security',
    schema: z.enum(['deny', 'allowlist', 'full']).default('full'),
    about: 'Which commands agents may run: deny (none), allowlist or full',
  },
  execAsk: {
    env: ['CLAWMESH_EXEC_ASK'],
    file: 'tools.execApproval.ask',
    schema: z.enum(['off', 'on-miss', 'always']).default('off'),
    about: 'Which commands need the approval of an operator: off (none), on-miss (what is not listed) or always',
  },
  execApprovalMs: {
    env: ['CLAWMESH_EXEC_APPROVAL_MS'],
    schema: integer(120_000, 10, 120_000),
    about: 'How long a command waits for the approval of an operator before it is denied',
  },
  execAllowlist: {
    env: ['CLAWMESH_EXEC_ALLOWLIST'],
    file: 'tools.execApproval.allowlist',
    schema: list,
    about: 'Commands that are listed: names of programs or whole commands, * for any text',
  },
} as const satisfies Record<string, Setting>

type ExecConfig = ConfigOf<{ name: string; settings: typeof execSettings }>

/** What the installation says of the sandbox of agents that do not, by the names of `sandbox_config`. */
export const sandboxDefaultsOf = (config: ExecConfig): SandboxDefaults => {
  const said: { [Name in keyof Required<SandboxDefaults>]: SandboxDefaults[Name] | undefined } = {
    workspace_access: config.sandboxWorkspaceAccess,
    network_enabled: config.sandboxNetworkEnabled,
    memory_mb: config.sandboxMemoryMb,
    pids_limit: config.sandboxPidsLimit,
    timeout_sec: config.sandboxTimeoutSec,
    tmpfs_size_mb: config.sandboxTmpfsSizeMb,
    max_output_bytes: config.sandboxMaxOutputBytes,
    env: config.sandboxEnv,
    setup_command: config.sandboxSetupCommand,
  }
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined))
}
