import { z } from 'zod'
import { flag, integer, list, type Setting } from '@clawmesh/chassis'
import { sandboxDefaultsSchema } from './sandbox-config.ts'

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
  sandboxDefaults: {
    env: ['CLAWMESH_SANDBOX_DEFAULTS'],
    file: [
      'agents.defaults.sandbox.workspace_access',
      'agents.defaults.sandbox.network_enabled',
      'agents.defaults.sandbox.memory_mb',
      'agents.defaults.sandbox.pids_limit',
      'agents.defaults.sandbox.timeout_sec',
      'agents.defaults.sandbox.tmpfs_size_mb',
      'agents.defaults.sandbox.max_output_bytes',
      'agents.defaults.sandbox.env',
      'agents.defaults.sandbox.setup_command',
    ],
    schema: sandboxDefaultsSchema.prefault({}),
    about: 'sandbox_config of agents that do not say, as JSON: all of its fields but mode',
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
