/** Whether a command may run: what the guard says of it, what the operator lets run, and what he is asked about. */
import type { CallScope, ResolvedAgent } from '../invoke/types.ts'
import { toolError } from '../tool/tool-error.ts'
import type { Approvals } from './approvals/approvals.ts'
import { boundTo } from './approvals/bound-to.ts'
import { denyGroupNames, denyGroups, type DenyGroupName } from './guard/groups.ts'
import { setsLoader } from './guard/loader-variables.ts'
import { judge, type GroupOverrides, type Verdict } from './guard/guard.ts'
import { permissionFor, type PermissionSettings } from './permission.ts'
import type { Script } from './shell/script.ts'

export interface PermitParts {
  settings: PermissionSettings & { shellDenyGroups: Readonly<Record<string, boolean>> }
  isDeniedPath: (word: string) => boolean
  approvals: Approvals
}

interface Command {
  command: string
  workingDir: string
  scope: CallScope & { agent: ResolvedAgent }
  /** Path of bash; `sh` runs it where there is none. */
  shell: string | undefined
  /** Variables that it is given. */
  given: readonly string[]
  searchPath: string
  signal: AbortSignal
  /** Whether an operator wrote it: all groups deny, and nobody needs to be asked. */
  isOperators: boolean
}

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

const refusals = {
  denied: 'an operator denied the command',
  timeout: 'no operator approved the command in time, so it is denied',
  full: 'too many commands wait for the approval of an operator, so it is denied',
}

/** How a command was read that nothing denies. */
interface Judged {
  script: Script
  /** It installs packages, which an operator has to allow. */
  isInstall: boolean
}

export const createPermit = ({ settings, isDeniedPath, approvals }: PermitParts) => {
  const verdictOf = ({ command, scope, shell, given, isOperators }: Command, more: GroupOverrides = {}): Verdict => {
    const overrides = isOperators
      ? {}
      : { ...overridesOf(settings.shellDenyGroups, scope.agent.shellDenyGroupsJson), ...more }
    // What a command may not set for itself it is not given either.
    if (!isOperators && overrides.env_injection !== false && given.some(setsLoader))
      return { allowed: false, group: 'env_injection', reason: denyGroups.env_injection.description }
    return judge(command, { shell: shell === undefined ? 'sh' : 'bash', given, overrides, isDeniedPath })
  }

  return {
    /** @throws TOOL_ERROR when the guard denies the command */
    judge: (asked: Command): Judged => {
      const first = verdictOf(asked)
      const isInstall =
        !asked.isOperators && !first.allowed && first.group === 'package_install' && settings.execAsk !== 'off'
      const verdict = isInstall ? verdictOf(asked, { package_install: false }) : first
      if (!verdict.allowed) throw toolError(`command denied by safety policy: ${verdict.reason}`)
      return { script: verdict.script, isInstall }
    },

    /** Where only listed commands run. @throws TOOL_ERROR when this is none of them */
    requireListed: ({ command, given }: Command, { script }: Judged): void => {
      const read = given.includes('PATH') ? { ...script, isPlain: false } : script
      const known = { wasAllowed: false, isInstall: false }
      if (permissionFor({ ...settings, execAsk: 'off' }, command, read, known) !== 'run')
        throw toolError('the operator does not let setup_command run')
    },

    /** Waits for the word of an operator where one is needed. @throws TOOL_ERROR when the command may not run */
    require: async (asked: Command, { script, isInstall }: Judged): Promise<void> => {
      const { command, workingDir, scope, shell, given, searchPath, signal, isOperators } = asked
      // Whoever says where programs are looked for says what a name starts: no name counts then.
      const isOwnPath = given.includes('PATH')
      const read = isOwnPath ? { ...script, isPlain: false } : script
      const permission = (wasAllowed: boolean) => permissionFor(settings, command, read, { wasAllowed, isInstall })
      const [first, ifAllowed] = [permission(false), permission(true)]
      if (first === 'run' || (isOperators && settings.execSecurity !== 'deny')) return
      const refused = () => toolError('the operator does not let this command run')
      if (ifAllowed === 'refuse') throw refused()

      const { call, agent, userId, sessionKey } = scope
      const { tenantId } = call.caller
      const found = await boundTo(read, { command, workingDir, shell: shell ?? '/bin/sh', searchPath })
      const bound = isOwnPath ? { ...found, program: undefined } : found
      if (ifAllowed === 'run' && (await approvals.isAllowed(tenantId, agent.id, bound))) return
      if (first === 'refuse') throw refused()
      const question = { tenantId, agentId: agent.id, userId, sessionKey, command: command.trim(), ...bound }
      const answer = await approvals.ask(question, signal)
      if (answer !== 'allowed') throw toolError(refusals[answer])
    },
  }
}
