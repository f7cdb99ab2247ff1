/**
 * Threads beside the main one, which serves everybody, for what strangers have made: it keeps a processor busy for a
 * while, and may be built to use up memory. A thread can be ended, and its memory is its own.
 *
 * The threads are shared fairly: tenants take turns, one tenant never has all threads while it has more than one task,
 * and has so many waiting at most.
 */
import { getCompileCacheDir } from 'node:module'
import { Worker } from 'node:worker_threads'
import { toMeshError } from '@clawmesh/contracts'
import { toolError } from '../tool/tool-error.ts'

interface WaitingLimit {
  tasks: number
  size: number
}

export interface FairThreadsOptions<Task> {
  /** Starts what takes tasks as messages and answers each with one. */
  program: URL
  /** Threads; each takes a processor while it works. */
  threads: number
  /** Tasks that may wait, and how large they are together. */
  perTenant: WaitingLimit
  all: WaitingLimit
  sizeOf: (task: Task) => number
  /** For one task, from when a thread takes it. */
  timeoutMs: number
  /** Old-generation heap of a thread, MiB. */
  heapMib: number
  /** What a thread may hold beside its heap, MiB: buffers, which no limit of V8 counts. Not watched unless given. */
  buffersMib?: number
  /** What a model is told. */
  words: { tooHeavy: string; died: string; tooLong: string; tooMany: string; stopping: string }
}

export interface FairThreads<Task, Result> {
  /**
   * Has a task done when it is the tenant's turn.
   * @throws TOOL_ERROR when too many wait, it takes too long, or the thread dies of it; the signal's reason
   */
  run: (tenantId: string, task: Task, signal?: AbortSignal) => Promise<Result>
  /** Ends the threads; tasks that wait or are being done fail. */
  close: () => Promise<void>
}

interface Waiting<Task, Result> {
  task: Task
  resolve: (result: Result) => void
  reject: (reason: Error) => void
}

const watchEveryMs = 100
const bytesPerMib = 1_048_576

export const createFairThreads = <Task, Result>({
  program,
  threads,
  perTenant,
  all: inAll,
  sizeOf,
  timeoutMs,
  heapMib,
  buffersMib,
  words,
}: FairThreadsOptions<Task>): FairThreads<Task, Result> => {
  /** In the order in which their turn comes; a tenant without waiting tasks is not in it. */
  const queues = new Map<string, Waiting<Task, Result>[]>()
  const running = new Map<string, number>()
  /** Started ones that have nothing to do: starting takes longer than most tasks. They keep no process alive. */
  const idle = new Set<Worker>()
  const all = new Set<Worker>()
  let busy = 0
  let closed = false

  const exceeds = (waiting: readonly Waiting<Task, Result>[], task: Task, { tasks, size }: WaitingLimit): boolean =>
    waiting.length >= tasks || waiting.reduce((sum, other) => sum + sizeOf(other.task), sizeOf(task)) > size

  const start = (): Worker => {
    const worker = new Worker(program, {
      workerData: { compileCacheDir: getCompileCacheDir() },
      resourceLimits: { maxOldGenerationSizeMb: heapMib, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
    })
    all.add(worker)
    // One that died is not handed out again, and being ended can make it fail once more when nobody waits for it.
    worker
      .on('error', () => {})
      .once('exit', () => {
        idle.delete(worker)
        all.delete(worker)
      })
    return worker
  }

  /** Calls back when a thread holds more than it may. */
  const watch = (worker: Worker, onExcess: () => void): (() => void) => {
    if (buffersMib === undefined) return () => {}
    const timer = setInterval(() => {
      worker.getHeapStatistics().then(
        ({ external_memory: bytes }) => {
          if (bytes > buffersMib * bytesPerMib) onExcess()
        },
        () => {},
      )
    }, watchEveryMs)
    return () => clearInterval(timer)
  }

  const runOn = (worker: Worker, task: Task): Promise<Result> =>
    new Promise((resolve, reject) => {
      const settle = (then: () => void): void => {
        clearTimeout(timer)
        unwatch()
        worker.off('message', onMessage).off('error', onError).off('exit', onExit)
        then()
      }
      const onMessage = (result: Result): void => settle(() => resolve(result))
      const onError = (): void => settle(() => reject(toolError(words.tooHeavy)))
      const onExit = (): void => settle(() => reject(toolError(words.died)))
      const timer = setTimeout(() => settle(() => reject(toolError(words.tooLong))), timeoutMs)
      const unwatch = watch(worker, onError)
      worker.once('message', onMessage).once('error', onError).once('exit', onExit)
      worker.postMessage(task)
    })

  const work = async (tenantId: string, { task, resolve, reject }: Waiting<Task, Result>): Promise<void> => {
    const [ready] = idle
    let worker: Worker | undefined
    try {
      worker = ready ?? start()
      idle.delete(worker)
      worker.ref()
      const result = await runOn(worker, task)
      worker.unref()
      if (all.has(worker)) idle.add(worker)
      resolve(result)
    } catch (thrown) {
      // Whatever it is still doing, or half way through, is not for the next task.
      await worker?.terminate()
      reject(toMeshError(thrown))
    } finally {
      busy--
      const left = running.get(tenantId)! - 1
      if (left > 0) running.set(tenantId, left)
      else running.delete(tenantId)
      next()
    }
  }

  /** Whether a tenant may take one more thread: the last one is left for others, unless it is the only one. */
  const mayRun = (tenantId: string): boolean => (running.get(tenantId) ?? 0) < Math.max(1, threads - 1)

  const next = (): void => {
    for (const [tenantId, queue] of queues) {
      if (busy >= threads) return
      if (!mayRun(tenantId)) continue
      const taken = queue.shift()!
      // To the end of the line.
      queues.delete(tenantId)
      if (queue.length > 0) queues.set(tenantId, queue)
      busy++
      running.set(tenantId, (running.get(tenantId) ?? 0) + 1)
      void work(tenantId, taken)
    }
  }

  return {
    run: (tenantId, task, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        if (closed) throw toolError(words.stopping)
        const queue = queues.get(tenantId) ?? []
        const everybody = [...queues.values()].flat()
        if (exceeds(queue, task, perTenant) || exceeds(everybody, task, inAll)) throw toolError(words.tooMany)
        const abort = (): void => {
          const place = queue.indexOf(entry)
          if (place >= 0) {
            queue.splice(place, 1)
            if (queue.length === 0 && queues.get(tenantId) === queue) queues.delete(tenantId)
          }
          reject(signal!.reason as Error)
        }
        const entry: Waiting<Task, Result> = {
          task,
          resolve: (result) => {
            signal?.removeEventListener('abort', abort)
            resolve(result)
          },
          reject: (reason) => {
            signal?.removeEventListener('abort', abort)
            reject(reason)
          },
        }
        signal?.addEventListener('abort', abort, { once: true })
        queue.push(entry)
        queues.set(tenantId, queue)
        next()
      }),
    close: async () => {
      closed = true
      const left = [...queues.values()].flat()
      queues.clear()
      for (const { reject } of left) reject(toolError(words.stopping))
      await Promise.all([...all].map((worker) => worker.terminate()))
    },
  }
}
