/** The only place of this service that starts programs: known names, argument vectors, no shell, no inherited secrets. */
import { spawn } from 'node:child_process'
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
  const { HOME, LANG } = process.env
  const env = { PATH: searchPath, HOME, LANG }
  const folders = searchPath.split(delimiter).filter(isAbsolute)
  const kills = new Set<() => void>()

  const find = async (program: string): Promise<string | undefined> => {
    for (const folder of folders) {
      const path = join(folder, program)
      if (await isProgram(path)) return path
    }
    return undefined
  }

  const start = (path: string, args: readonly string[], { timeoutMs, outputLimitBytes }: ProbeLimits) =>
    new Promise<ProbeOutput | undefined>((resolve, reject) => {
      // Its own process group, so that what it starts in turn can be ended with it. No project's settings apply in `/`.
      const child = spawn(path, args, { env, cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
      const chunks: Buffer[] = []
      let sizeBytes = 0
      let killed = false

      const kill = () => {
        killed = true
        // A grandchild that left the group may hold the pipe open for ever.
        child.stdout.destroy()
        try {
          if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
        } catch {
          // It had just ended.
        }
      }
      const timer = setTimeout(kill, timeoutMs)
      const end = () => {
        clearTimeout(timer)
        kills.delete(kill)
      }
      kills.add(kill)

      child.stdout.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length
        if (sizeBytes > outputLimitBytes) kill()
        else chunks.push(chunk)
      })
      child.once('error', (error) => {
        end()
        reject(error)
      })
      child.once('close', (exitCode) => {
        end()
        resolve(killed || exitCode === null ? undefined : { text: Buffer.concat(chunks).toString('utf8'), exitCode })
      })
    })

  return {
    has: async (program) => (await find(program)) !== undefined,
    run: async (program, args, limits) => {
      const path = await find(program)
      return path === undefined ? undefined : start(path, args, limits).catch(() => undefined)
    },
    stop: () => {
      for (const kill of kills) kill()
    },
  }
}
