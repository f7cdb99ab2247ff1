/** Gives memory back that was only needed for a moment: V8 keeps it for hours in a process that idles. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const lookEveryMs = 5_000
/** A process that uses less of a core than this has time for a collection, which takes some 50 ms. */
const idleShare = 0.02
const worthwhileBytes = 8 * 1_048_576

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: object) => void

/**
 * Collects now, as starting leaves a heap of parsed sources behind, and from then on whenever the process idles and has
 * grown, as it does when it first meets Prisma or after a burst of requests.
 */
export const releaseMemoryWhenIdle = (): void => {
  let releasedAt = 0
  let used = process.cpuUsage()
  const release = () => {
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    releasedAt = process.memoryUsage.rss()
  }
  release()
  setInterval(() => {
    const { user, system } = process.cpuUsage(used)
    used = process.cpuUsage()
    const idles = user + system < lookEveryMs * 1_000 * idleShare
    if (idles && process.memoryUsage.rss() > releasedAt + worthwhileBytes) release()
  }, lookEveryMs).unref()
}
