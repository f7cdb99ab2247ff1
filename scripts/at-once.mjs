/** Runs several checks at a time and says which failed, each with all it had to say. */
import { availableParallelism } from 'node:os'
import { capture } from './process.mjs'

/** @param {number} fromMs */
const secondsSince = (fromMs) => `${((performance.now() - fromMs) / 1000).toFixed(1)} s`

/**
 * @param {Record<string, string[]>} steps the arguments of one `node` call each, those that take longest first
 * @returns {Promise<number>} the exit code: 0 when all went well, else 1
 */
export async function runAtOnce(steps) {
  const startedMs = performance.now()
  const queue = Object.entries(steps)
  let failed = false

  /** @param {[string, string[]]} step */
  const run = async ([what, command]) => {
    const fromMs = performance.now()
    const { code, stdout, stderr } = await capture(process.execPath, command, { ...process.env, CI: 'true' })
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${what} (${secondsSince(fromMs)})`)
    if (code === 0) return
    failed = true
    console.log(`${stdout}${stderr}`)
  }

  const worker = async () => {
    for (let step = queue.shift(); step; step = queue.shift()) await run(step)
  }
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker))
  console.log(`${failed ? 'failed' : 'all well'} after ${secondsSince(startedMs)}`)
  return failed ? 1 : 0
}
