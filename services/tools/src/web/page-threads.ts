/**
 * Renders pages in threads beside the main one, which serves everybody: megabytes of HTML keep a processor busy for a
 * while, and a page may be built to use up memory. A thread can be ended, and its memory is its own.
 *
 * The threads are shared fairly: tenants take turns, one tenant never has all threads while it has more than one page,
 * and has so many pages waiting at most.
 */
import { getCompileCacheDir } from 'node:module'
import { Worker } from 'node:worker_threads'
import { toMeshError } from '@clawmesh/contracts'
import { toolError } from '../tool/tool-error.ts'
import type { PageSource, RenderedPage } from './render.ts'

interface WaitingLimit {
  pages: number
  chars: number
}

export interface PageThreadsOptions {
  /** Threads; each takes a processor while it works. */
  threads?: number
  /** Pages that may wait, and characters in them. */
  perTenant?: WaitingLimit
  all?: WaitingLimit
  /** For one page, from when a thread takes it. */
  timeoutMs?: number
  /** Old-generation heap of a thread, MiB. */
  heapMib?: number
  /** Instead of page-thread-start.mjs, for tests. */
  program?: URL
}

export interface PageThreads {
  /**
   * Renders a page when it is the tenant's turn.
   * @throws TOOL_ERROR when too many wait, the page takes too long, or the thread dies of it; the signal's reason
   */
  render: (tenantId: string, source: PageSource, signal?: AbortSignal) => Promise<RenderedPage>
  /** Ends the threads; pages that wait or are being rendered fail. */
  close: () => Promise<void>
}

interface Waiting {
  source: PageSource
  resolve: (page: RenderedPage) => void
  reject: (reason: Error) => void
}

const exceeds = (waiting: readonly Waiting[], { text }: PageSource, { pages, chars }: WaitingLimit): boolean =>
  waiting.length >= pages || waiting.reduce((sum, { source }) => sum + source.text.length, text.length) > chars

const programOf = new URL('./page-thread-start.mjs', import.meta.url)

export const createPageThreads = ({
  threads = 2,
  perTenant = { pages: 64, chars: 24_000_000 },
  all: inAll = { pages: 256, chars: 64_000_000 },
  timeoutMs = 20_000,
  heapMib = 192,
  program = programOf,
}: PageThreadsOptions = {}): PageThreads => {
  /** In the order in which their turn comes; a tenant without waiting pages is not in it. */
  const queues = new Map<string, Waiting[]>()
  const running = new Map<string, number>()
  /** Started ones that have nothing to do: starting takes longer than most pages. They keep no process alive. */
  const idle = new Set<Worker>()
  const all = new Set<Worker>()
  let busy = 0
  let closed = false

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

  const renderOn = (worker: Worker, source: PageSource): Promise<RenderedPage> =>
    new Promise((resolve, reject) => {
      const settle = (then: () => void): void => {
        clearTimeout(timer)
        worker.off('message', onMessage).off('error', onError).off('exit', onExit)
        then()
      }
      const onMessage = (page: RenderedPage): void => settle(() => resolve(page))
      const onError = (): void => settle(() => reject(toolError('the page is too heavy to be rendered')))
      const onExit = (): void => settle(() => reject(toolError('the page could not be rendered')))
      const timer = setTimeout(() => settle(() => reject(toolError('the page takes too long to render'))), timeoutMs)
      worker.once('message', onMessage).once('error', onError).once('exit', onExit)
      worker.postMessage(source)
    })

  const work = async (tenantId: string, { source, resolve, reject }: Waiting): Promise<void> => {
    const [ready] = idle
    let worker: Worker | undefined
    try {
      worker = ready ?? start()
      idle.delete(worker)
      worker.ref()
      const page = await renderOn(worker, source)
      worker.unref()
      if (all.has(worker)) idle.add(worker)
      resolve(page)
    } catch (thrown) {
      // Whatever it is still doing, or half way through, is not for the next page.
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
    render: (tenantId, source, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        if (closed) throw toolError('pages are not rendered any more: the service is stopping')
        const queue = queues.get(tenantId) ?? []
        const everybody = [...queues.values()].flat()
        if (exceeds(queue, source, perTenant) || exceeds(everybody, source, inAll))
          throw toolError('too many pages are being rendered at the moment; try again in a while')
        const abort = (): void => {
          const place = queue.indexOf(entry)
          if (place >= 0) {
            queue.splice(place, 1)
            if (queue.length === 0 && queues.get(tenantId) === queue) queues.delete(tenantId)
          }
          reject(signal!.reason as Error)
        }
        const entry: Waiting = {
          source,
          resolve: (page) => {
            signal?.removeEventListener('abort', abort)
            resolve(page)
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
      for (const { reject } of left) reject(toolError('pages are not rendered any more: the service is stopping'))
      await Promise.all([...all].map((worker) => worker.terminate()))
    },
  }
}
