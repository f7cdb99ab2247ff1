/** How this service asks programs of the machine about themselves: known names, argument vectors, no shell. */
import { runChild } from '@clawmesh/chassis/exec'
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

export interface ProbeLimits {
  timeoutMs: number
  outputLimitBytes: number
}

export interface ProbeOutput {
  /** What it wrote to standard output. */
  text: string
  exitCode: number
}

export interface Prober {
  /** Whether a program can be found. */
  has: (program: string) => Promise<boolean>
  /** Runs a program; undefined when there is none, it cannot be started, or it went over a limit. Never throws. */
  run: (program: string, args: readonly string[], limits: ProbeLimits) => Promise<ProbeOutput | undefined>
  /** Ends whatever still runs. */
  stop: () => void
}

/** What a shell in front of the program says of one that cannot be started, its interpreter missing for instance. */
const notStarted = [126, 127]

const isProgram = async (path: string): Promise<boolean> => {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** Runs programs found in the folders of a PATH; relative ones, which depend on where we stand, do not count. */
export const createProber = (searchPath: string): Prober => {
  const folders = searchPath.split(delimiter).filter(isAbsolute)
  const stopped = new AbortController()

  const find = async (program: string): Promise<string | undefined> => {
    for (const folder of folders) {
      const path = join(folder, program)
      if (await isProgram(path)) return path
    }
    return undefined
  }

  const start = async (
    command: string,
    args: readonly string[],
    { timeoutMs, outputLimitBytes: outputBytes }: ProbeLimits,
  ): Promise<ProbeOutput | undefined> => {
    const { stdout, exitCode, breach } = await runChild({
      command,
      args,
      // No project's settings apply here.
      cwd: '/',
      env: { PATH: searchPath },
      limits: { timeoutMs, outputBytes },
      signal: stopped.signal,
    })
    const hasEnded = breach === undefined && exitCode !== undefined && !notStarted.includes(exitCode)
    return hasEnded ? { text: stdout, exitCode } : undefined
  }

  return {
    has: async (program) => (await find(program)) !== undefined,
    run: async (program, args, limits) => {
      const path = await find(program)
      return path === undefined ? undefined : start(path, args, limits).catch(() => undefined)
    },
    stop: () => stopped.abort(),
  }
}
