/** Renders pages in threads: megabytes of HTML keep a processor busy for a while. */
import { createFairThreads, type FairThreadsOptions } from '../threads/fair-threads.ts'
import type { PageSource, RenderedPage } from './render.ts'

interface WaitingLimit {
  pages: number
  chars: number
}

export interface PageThreadsOptions extends Partial<
  Pick<FairThreadsOptions<PageSource>, 'threads' | 'timeoutMs' | 'heapMib' | 'program'>
> {
  /** Pages that may wait, and characters in them. */
  perTenant?: WaitingLimit
  all?: WaitingLimit
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

const words = {
  tooHeavy: 'the page is too heavy to be rendered',
  died: 'the page could not be rendered',
  tooLong: 'the page takes too long to render',
  tooMany: 'too many pages are being rendered at the moment; try again in a while',
  stopping: 'pages are not rendered any more: the service is stopping',
}

const limitOf = ({ pages, chars }: WaitingLimit) => ({ tasks: pages, size: chars })

/** @param options `program` instead of page-thread-start.mjs, for tests */
export const createPageThreads = ({
  threads = 2,
  perTenant = { pages: 64, chars: 24_000_000 },
  all = { pages: 256, chars: 64_000_000 },
  timeoutMs = 20_000,
  heapMib = 192,
  program = new URL('./page-thread-start.mjs', import.meta.url),
}: PageThreadsOptions = {}): PageThreads => {
  const { run, close } = createFairThreads<PageSource, RenderedPage>({
    program,
    threads,
    perTenant: limitOf(perTenant),
    all: limitOf(all),
    sizeOf: ({ text }) => text.length,
    timeoutMs,
    heapMib,
    words,
  })
  return { render: run, close }
}
