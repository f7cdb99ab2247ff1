/** Runs a program that is to run for good: one that crashed is started again, in growing pauses and not without end. */
import { setTimeout as sleep } from 'node:timers/promises'
import { endLike, forwardedSignals, passThrough } from './process.mjs'

/**
 * @typedef {object} SupervisionRules
 * @property {number[]} pausesMs before each restart; after as many crashes in a row the program stays ended
 * @property {number} steadyMs a program that was ready and ran for this long has not crashed in a row
 */

/** @type {SupervisionRules} */
const defaultRules = {
  pausesMs: [1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 60_000],
  steadyMs: 600_000,
}

/** What a signal that ended a program mostly means. @type {Partial<Record<NodeJS.Signals, string>>} */
const meanings = {
  SIGABRT: 'out of memory, or a failed assertion in Node',
  SIGKILL: 'killed, perhaps by the system for its memory',
  SIGSEGV: 'a fault in native code',
  SIGBUS: 'a fault in native code',
}

/** @param {import('./process.mjs').Ended} ended */
const reasonOf = ({ code, signal }) =>
  signal ? `ended by ${signal}${meanings[signal] ? ` (${meanings[signal]})` : ''}` : `ended with exit code ${code}`

/** Fires at the first signal to end. Listened for from the start: between two runs nobody else does. */
function signalledToEnd() {
  const over = new AbortController()
  for (const signal of forwardedSignals) process.on(signal, () => over.abort())
  return over.signal
}

/**
 * Runs the program until it ends by itself, is told to, or crashes too often, and ends as it did. Never returns.
 *
 * It says that it is ready by the message `ready`; one that ends before it ever was is not started again, as it would
 * only fail the same way. It learns of its restarts from CLAWMESH_RESTARTS and CLAWMESH_LAST_EXIT.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('./process.mjs').ChildOptions & { rules?: SupervisionRules }} [options]
 * @returns {Promise<never>}
 */
export async function superviseAs(command, args, { rules = defaultRules, ...options } = {}) {
  const over = signalledToEnd()
  let wasReady = false
  let restarts = 0
  let inARow = 0
  let lastExit = ''
  for (;;) {
    const startedAt = performance.now()
    let isReady = false
    const env = restarts === 0 ? {} : { CLAWMESH_RESTARTS: String(restarts), CLAWMESH_LAST_EXIT: lastExit }
    const ended = await passThrough(command, args, {
      ...options,
      env: { ...process.env, ...env },
      onMessage: (message) => (isReady ||= message === 'ready'),
    })
    wasReady ||= isReady
    if (ended.told || ended.code === 0 || !wasReady) endLike(ended)

    const ranMs = performance.now() - startedAt
    if (isReady && ranMs >= rules.steadyMs) inARow = 0
    lastExit = reasonOf(ended)
    const after = `${lastExit} after ${Math.round(ranMs / 1000)} s`
    const pauseMs = rules.pausesMs[inARow]
    if (pauseMs === undefined) {
      console.error(`clawmesh: ${after}; crashed ${inARow + 1} times in a row, not started again`)
      endLike(ended)
    }
    inARow++
    restarts++
    console.error(`clawmesh: ${after}; starting again in ${pauseMs / 1000} s (${inARow} of ${rules.pausesMs.length})`)
    await sleep(pauseMs, undefined, { signal: over }).catch(() => undefined)
    if (over.aborted) process.exit(0)
  }
}
