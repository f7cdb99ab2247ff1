/** Takes the text out of documents in threads: strangers make them, and packed ones hold a thousand times what they weigh. */
import { createFairThreads, type FairThreads } from '../threads/fair-threads.ts'
import type { DocumentSource, DocumentText } from './types.ts'

export type DocumentThreads = FairThreads<DocumentSource, DocumentText>

const words = {
  tooHeavy: 'the document is too heavy to be read',
  died: 'the document could not be read',
  tooLong: 'the document takes too long to read',
  tooMany: 'too many documents are being read at the moment; try again in a while',
  stopping: 'documents are not read any more: the service is stopping',
}

/** A thread's time may be set shorter, for tests. */
export const createDocumentThreads = ({ timeoutMs = 60_000, buffersMib = 384 } = {}): DocumentThreads =>
  createFairThreads<DocumentSource, DocumentText>({
    program: new URL('./document-thread-start.mjs', import.meta.url),
    threads: 2,
    perTenant: { tasks: 8, size: 64 * 1024 * 1024 },
    all: { tasks: 32, size: 128 * 1024 * 1024 },
    sizeOf: ({ bytes }) => bytes.length,
    timeoutMs,
    heapMib: 256,
    buffersMib,
    words,
  })
