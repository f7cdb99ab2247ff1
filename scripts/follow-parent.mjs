/**
 * Preloaded into a task (`node --import`): ends it as SIGTERM would when the process that passes it signals is gone, so
 * that nothing stays behind and holds a port.
 */
import { isMainThread } from 'node:worker_threads'
import { whenParentIsGone } from './parent.mjs'

const graceMs = 15_000

if (isMainThread) {
  whenParentIsGone(() => {
    process.kill(process.pid, 'SIGTERM')
    setTimeout(() => process.exit(1), graceMs).unref()
  })
}
