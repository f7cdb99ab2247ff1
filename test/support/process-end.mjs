/** The end of a jest worker: what test files want done then is done, and it comes at once. */

/** Events of `process` that mean its end. */
const ends = /** @type {const} */ (['exit', 'SIGINT', 'SIGTERM', 'SIGHUP'])

/** Of the files that run now. @type {Set<Map<string, Set<() => void>>>} */
const files = new Set()

/** @param {string} name */
const notify = (name) => {
  for (const listeners of files) for (const listener of listeners.get(name) ?? []) listener()
}

process.on('exit', () => notify('exit'))
for (const signal of ends.slice(1))
  process.once(signal, () => {
    notify(signal)
    // Ours was the only listener that held the default back.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  })

/**
 * Lets a test file listen for the end of the process, which jest's copy of `process` does not. What the file has left
 * running is ended with the file.
 *
 * @param {NodeJS.Process} copy the file's `process`
 * @returns {() => void} to be called when the file is done
 */
export const followEnd = (copy) => {
  /** @type {Map<string, Set<() => void>>} */
  const listeners = new Map(ends.map((name) => [name, new Set()]))
  files.add(listeners)
  for (const method of /** @type {const} */ (['on', 'once', 'addListener'])) {
    const listen = copy[method]
    Object.defineProperty(copy, method, {
      value: (/** @type {string} */ name, /** @type {() => void} */ listener) => {
        const own = listeners.get(name)
        if (own === undefined) return Reflect.apply(listen, copy, [name, listener])
        own.add(listener)
        return copy
      },
      configurable: true,
      writable: true,
    })
  }
  return () => {
    for (const listener of listeners.get('exit') ?? []) listener()
    files.delete(listeners)
  }
}

// jest gives a worker that has nothing left to do half a second, then ends it and warns of a leak. Tearing down a heap of a
// gigabyte takes that long: measured were 0.45 s, and 0.9 s beside a busy loop. An end by a signal tears nothing down.
if (process.send !== undefined && process.env['JEST_WORKER_ID'] !== undefined)
  process.once('beforeExit', () => {
    process.reallyExit = () => process.kill(process.pid, 'SIGKILL')
    process.exit()
  })
