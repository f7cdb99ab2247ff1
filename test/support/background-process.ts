/** A server program that runs beside the tests and never outlives them. */
import { spawn, type ChildProcess } from 'node:child_process'

export interface BackgroundProcessOptions {
  command: string
  args: readonly string[]
  /** Found in what the program prints once it serves. */
  ready: RegExp
  /** Run as this user instead; needs root. */
  user?: { uid: number; gid: number } | undefined
  readyLimitMs?: number
}

export interface BackgroundProcess {
  /** What `ready` matched. */
  ready: RegExpExecArray
  pid: number
  /** Sends the signal and waits for the end; SIGKILL follows after a minute. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

const running = new Set<ChildProcess>()
const stopLimitMs = 60_000
const keptOutputChars = 4000

/**
 * Starts a program and waits until it says that it is ready.
 *
 * @throws Error with its last output when it ends before, or takes longer than `readyLimitMs` (default 120000)
 */
export async function startBackgroundProcess(options: BackgroundProcessOptions): Promise<BackgroundProcess> {
  killAllAtExit()
  const child = spawn(options.command, options.args, { ...options.user, stdio: 'pipe' })
  running.add(child)
  // Nothing is ever written; a program of ours sees by its end that this process is gone, without a word even.
  child.stdin.on('error', () => {})
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  }).then(() => void running.delete(child))

  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    child.kill(signal)
    const limit = setTimeout(() => child.kill('SIGKILL'), stopLimitMs)
    await ended
    clearTimeout(limit)
  }
  try {
    return { ready: await readyLine(child, options), pid: child.pid ?? 0, stop }
  } catch (error) {
    await stop('SIGKILL')
    throw error
  }
}

function readyLine(child: ChildProcess, options: BackgroundProcessOptions): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let output = ''
    const fail = (what: string): void => {
      clearTimeout(limit)
      reject(new Error(`${options.command} ${what}\n${output}`))
    }
    const limit = setTimeout(() => fail('is not ready in time'), options.readyLimitMs ?? 120_000)
    const read = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-keptOutputChars)
      const match = options.ready.exec(output)
      if (!match) return
      clearTimeout(limit)
      resolve(match)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', (error) => fail(`could not be started: ${error.message}`))
    child.once('close', (code, signal) => fail(`ended with ${signal ?? code}`))
  })
}

let watchesExit = false

/** A runner that ends early, by a signal too, takes its servers along. */
function killAllAtExit(): void {
  if (watchesExit) return
  watchesExit = true
  process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      running.forEach((child) => child.kill('SIGKILL'))
      // Ours was the only listener that held the default back.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
    })
  }
}
