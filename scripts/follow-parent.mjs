/**
 * Preloaded into a task that runs in a session of its own: ends it when the runner that would pass it signals is gone
 * (killed with SIGKILL, say), so that nothing stays behind and holds a port.
 */
import { isMainThread } from 'node:worker_threads'

const lookEveryMs = 1000
const graceMs = 15_000

if (isMainThread) {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
    setTimeout(() => process.exit(1), graceMs).unref()
  }, lookEveryMs)
  timer.unref()
}
