/** Running other programs so that the caller cannot tell: stdio, signals and exit code pass through. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

export const forwardedSignals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

/** One Ctrl-C reaches us from the terminal and again from npm; the task is to hear of it once. */
const sameSignalWindowMs = 500

/**
 * @typedef {{ detached?: boolean, env?: NodeJS.ProcessEnv, onMessage?: (message: unknown) => void }} ChildOptions
 *   `detached` gives the child a session of its own, so that it gets signals from us only; `onMessage` takes what it
 *   sends us as a Node program.
 * @typedef {{ code: number | null, signal: NodeJS.Signals | null, told: boolean }} Ended
 *   How a program ended, and whether we handed it a signal before.
 */

/**
 * Runs a program with our stdio and hands it the signals that we get.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {ChildOptions} [options]
 * @returns {Promise<Ended>}
 */
export function passThrough(command, args, { detached = false, env = process.env, onMessage } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = /** @type {const} */ (['inherit', 'inherit', 'inherit', ...(onMessage ? ['ipc'] : [])])
    const child = spawn(command, args, { stdio: /** @type {any} */ (stdio), detached, env })
    if (onMessage) child.on('message', onMessage)
    let told = false
    /** @type {Map<string, number>} */
    const lastAt = new Map()
    /** @type {Map<NodeJS.Signals, () => void>} */
    const listeners = new Map()
    for (const signal of forwardedSignals) {
      const listener = () => {
        const now = performance.now()
        if (now - (lastAt.get(signal) ?? -Infinity) < sameSignalWindowMs) return
        lastAt.set(signal, now)
        told = true
        child.kill(signal)
      }
      listeners.set(signal, listener)
      process.on(signal, listener)
    }
    const done = () => listeners.forEach((listener, signal) => process.off(signal, listener))
    child.once('error', (error) => (done(), reject(error)))
    child.once('close', (code, signal) => (done(), resolve({ code, signal, told })))
  })
}

/**
 * Runs a program to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {ChildOptions} [options]
 * @returns {Promise<number>} its exit code; 128 + n after signal n
 */
export async function runChild(command, args, options) {
  const { code, signal } = await passThrough(command, args, options)
  return signal ? 128 + constants.signals[signal] : (code ?? 1)
}

/**
 * Runs a program to its end and ends as it did. Never returns.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {ChildOptions} [options]
 * @returns {Promise<never>}
 */
export async function endAs(command, args, options) {
  return endLike(await passThrough(command, args, options))
}

/**
 * Ends as a program did.
 *
 * @param {Pick<Ended, 'code' | 'signal'>} ended
 * @returns {never}
 */
export function endLike({ code, signal }) {
  // Dying by the same signal tells a shell or a supervisor exactly what became of the task.
  if (signal) process.kill(process.pid, signal)
  process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1))
}

/**
 * Lets this very process be the program, where the system and this Node can do that. Never returns.
 *
 * @param {string} command absolute path
 * @param {string[]} args
 * @returns {Promise<never>}
 */
export async function becomeProgram(command, args) {
  if (process.execve && process.platform !== 'win32') process.execve(command, [command, ...args], process.env)
  return endAs(command, args)
}

/**
 * Runs a program and keeps what it prints.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ code: number, stdout: string, stderr: string }>} code 127 where it does not exist
 */
export function capture(command, args, env = process.env) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    child.once('error', (error) => resolve({ code: 127, stdout, stderr: stderr + error.message }))
    child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }))
  })
}
