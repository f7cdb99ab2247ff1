/** Noticing that whoever started this process has died; there is no signal for that in Node. */

const lookEveryMs = 250

/**
 * Calls back once the parent of this moment is gone. Does not keep the process alive.
 *
 * @param {() => void} callback
 */
export function whenParentIsGone(callback) {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    callback()
  }, lookEveryMs)
  timer.unref()
}

/**
 * npm runs a script through a shell and sends its signals to that shell, which dies of them and tells nobody. A process
 * below npm therefore takes its parent's death for the signal.
 */
export const runsBelowNpm = process.env.npm_lifecycle_event !== undefined
