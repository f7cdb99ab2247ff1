/** The system's own package manager: one package installed or removed, by argument vectors. */
import { findProgram, runChild, type ChildLimits } from '@clawmesh/chassis/exec'

export type Action = 'install' | 'uninstall'
export interface Manager {
  /** Undefined when it is done, else what the manager says of it. Never rejects. */
  readonly run: (action: Action, name: string) => Promise<string | undefined>
}

type Command = readonly [program: string, ...args: string[]]

interface Commands {
  /** Brings what is known of packages up to date. */
  update?: Command
  /** Prints the names that begin with this one, a line each. */
  names?: (name: string) => Command
  install: (name: string) => Command
  uninstall: (name: string) => Command
}

const commands = {
  apk: {
    install: (name) => ['apk', 'add', '--no-cache', name],
    uninstall: (name) => ['apk', 'del', name],
  },
  'apt-get': {
    update: ['apt-get', 'update', '--quiet', '--option', 'APT::Update::Error-Mode=any'],
    // Of a name that no package has, apt makes a pattern of names, a removal (`jq-`) or something else: it is not to see one.
    names: (name) => ['apt-cache', 'pkgnames', '--', name],
    install: (name) => ['apt-get', 'install', '--yes', '--quiet', '--no-install-recommends', '--', name],
    uninstall: (name) => ['apt-get', 'remove', '--yes', '--quiet', '--', name],
  },
} as const satisfies Record<string, Commands>

const MiB = 1024 * 1024
const limits: Partial<ChildLimits> = {
  memoryBytes: 2048 * MiB,
  writtenBytes: 8192 * MiB,
  outputBytes: 8 * MiB,
  timeoutMs: 300_000,
}
const errorLimitChars = 4_000

const has = (program: string, searchPath: string): Promise<boolean> =>
  findProgram(program, searchPath).then(
    () => true,
    () => false,
  )

/** apk where it is, else apt. @param searchPath where programs are looked for, as in PATH */
export const openManager = async (searchPath: string): Promise<Manager> => {
  const { update, names, ...perform }: Commands = commands[(await has('apk', searchPath)) ? 'apk' : 'apt-get']
  const env = { PATH: searchPath, DEBIAN_FRONTEND: 'noninteractive' }

  /** What the command printed. @throws Error with what it complains of */
  const printed = async ([command, ...args]: Command): Promise<string> => {
    const { exitCode, breach, stdout, stderr } = await runChild({ command, args, cwd: '/', env, limits })
    if (exitCode === 0 && breach === undefined) return stdout
    const said = (stderr.trim() || stdout.trim()).slice(-errorLimitChars)
    throw new Error(said || `${command} ended with ${breach ?? exitCode ?? 'a signal'}`)
  }
  return {
    run: async (action, name) => {
      try {
        if (update !== undefined && action === 'install') await printed(update)
        if (names !== undefined && !(await printed(names(name))).split('\n').includes(name))
          throw new Error(`no package is called ${name}`)
        await printed(perform[action](name))
        return undefined
      } catch (thrown) {
        return thrown instanceof Error ? thrown.message : String(thrown)
      }
    },
  }
}
