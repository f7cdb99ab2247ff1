/** Starts the thread of document-thread.ts; see ../web/page-thread-start.mjs for why it is a file of its own. */
import { enableCompileCache, flushCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'

if (workerData?.compileCacheDir) enableCompileCache(workerData.compileCacheDir)
await import('./document-thread.ts')
flushCompileCache()
