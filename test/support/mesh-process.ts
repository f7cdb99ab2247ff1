/** One `clawmesh` process beside the tests: started, watched, signalled, never left behind. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The sources, with a slash at its end. */
export const root = fileURLToPath(new URL('../..', import.meta.url))
const mainOf = (checkout: string) => join(checkout, 'cli/src/main.ts')
/** Node keeps compiled sources here; a process starts in half the time. */
const compileCache = join(root, '.cache/compile')

const readyLimitMs = 240_000
const lookEveryMs = 50
const commandLimitMs = 120_000
const shownLogLines = 60

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface MeshProcess {
  readonly pid: number
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended>
  isRunning: () => boolean
  /** Sends a signal and waits for the end. */
  end: (signal: NodeJS.Signals) => Promise<Ended>
  /** What it has written so far. */
  output: () => string
  /** The end of its output when it has ended without being told to; else undefined. */
  collapse: () => string | undefined
}

const running = new Set<ChildProcess>()
let watchesExit = false

/** A runner that ends early, by a signal too, takes its processes along. */
const killAllAtExit = (): void => {
  if (watchesExit) return
  watchesExit = true
  const killAll = () => running.forEach((child) => child.kill('SIGKILL'))
  process.on('exit', killAll)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      killAll()
      // Ours was the only listener that held the default back.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
    })
}

/** The environment of a process: nothing of ours but what a program needs to run, so that no setting slips in. */
export const processEnv = (env: Readonly<Record<string, string>>): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: env['CLAWMESH_DATA_DIR'] ?? '/nonexistent',
  NODE_COMPILE_CACHE: compileCache,
  NODE_NO_WARNINGS: '1',
  GOCLAW_CONFIG: '/nonexistent/config.json',
  ...env,
})

const lastLines = (text: string): string => text.trimEnd().split('\n').slice(-shownLogLines).join('\n')

/** Starts any program with its output in a file. */
export const startLogged = (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  logFile: string,
): MeshProcess => {
  killAllAtExit()
  mkdirSync(compileCache, { recursive: true })
  const log = openSync(logFile, 'a')
  const child = spawn(command, args, { cwd: root, env: processEnv(env), stdio: ['ignore', log, log] })
  closeSync(log)
  running.add(child)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  ended.then(
    () => running.delete(child),
    () => running.delete(child),
  )
  let reported = false
  const isRunning = () => child.exitCode === null && child.signalCode === null
  const output = () => readFileSync(logFile, 'utf8')
  return {
    pid: child.pid ?? 0,
    ended,
    isRunning,
    end: (signal) => {
      reported ||= isRunning()
      child.kill(signal)
      return ended
    },
    output,
    collapse: () =>
      reported || isRunning() ? undefined : `ended with ${child.signalCode ?? child.exitCode}\n${lastLines(output())}`,
  }
}

/** Starts `clawmesh <args>`, of another checkout if one is given. */
export const startClawmesh = (
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  logFile: string,
  checkout = root,
): MeshProcess => startLogged(process.execPath, [mainOf(checkout), ...args], env, logFile)

const answersOk = async (url: string): Promise<boolean> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}

/**
 * Waits until a process says that it is ready.
 *
 * @throws Error with the last lines of its log when it ends before or takes too long
 */
export const waitUntilReady = async (name: string, url: string, { isRunning, output }: MeshProcess): Promise<void> => {
  const deadline = Date.now() + readyLimitMs
  while (!(await answersOk(url))) {
    if (!isRunning()) throw new Error(`${name} ended before it was ready\n${lastLines(output())}`)
    if (Date.now() > deadline) throw new Error(`${name} is not ready after ${readyLimitMs} ms\n${lastLines(output())}`)
    await sleep(lookEveryMs)
  }
}

export interface CommandResult extends Ended {
  stdout: string
  stderr: string
}

/** Runs `clawmesh <args>`, of another checkout if one is given, to its end, which comes by SIGKILL when it does not come in time. */
export const runClawmesh = (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  checkout = root,
): Promise<CommandResult> =>
  new Promise((resolve, reject) => {
    killAllAtExit()
    mkdirSync(compileCache, { recursive: true })
    const child = spawn(process.execPath, [mainOf(checkout), ...args], {
      cwd: root,
      env: processEnv(env),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: commandLimitMs,
      killSignal: 'SIGKILL',
    })
    running.add(child)
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve({ code, signal, ...texts })
    })
  })
