/** The thread in which documents are read; see document-threads.ts. */
import { parentPort } from 'node:worker_threads'
import { documentText } from './document-text.ts'
import type { DocumentSource } from './types.ts'

parentPort?.on('message', (source: DocumentSource) => {
  // What cannot be read is an answer like any other: only what wears the thread out ends it.
  void documentText(source).then((text) => parentPort?.postMessage(text))
})
