/**
 * HTML to Markdown, by turndown in a thread beside the main one.
 *
 * A page can be built so that the conversion takes minutes (100,000 `<br>`: 62 s measured) or overflows the stack. On the
 * main thread that would stop the service for all tenants; a thread can be ended.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { toolError } from '../tool-error.ts'
import { createSemaphore } from '@clawmesh/chassis'

/** Each takes a core for as long as it works. */
const mostThreads = 2
const oneOfFew = createSemaphore(mostThreads)
/** Started ones that have nothing to do: starting takes longer than converting. They keep no process alive. */
let idle: Worker[] = []

const start = (): Worker => {
  const worker = new Worker(new URL('./markdown-worker.mjs', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  })
  // One that died must not be handed out, and being ended can make it fail once more when nobody waits for it.
  worker
    .on('error', () => {})
    .once('exit', () => {
      idle = idle.filter((other) => other !== worker)
    })
  return worker
}

const convert = async (html: string, timeoutMs: number): Promise<string> => {
  const worker = idle.pop() ?? start()
  worker.ref()
  worker.postMessage(html)
  const answered = await once(worker, 'message', { signal: AbortSignal.timeout(timeoutMs) }).catch(() => undefined)
  if (answered) {
    worker.unref()
    idle.push(worker)
  } else {
    await worker.terminate()
  }
  const markdown: unknown = answered?.[0]
  if (typeof markdown !== 'string') throw toolError('the page could not be turned into Markdown')
  return markdown
}

/** @throws TOOL_ERROR when the page cannot be converted, or not in time */
export const htmlToMarkdown = (html: string, timeoutMs = 5_000): Promise<string> =>
  oneOfFew(() => convert(html, timeoutMs))
