/**
 * Starts the thread of page-thread.ts. Node makes JavaScript of the sources with a WebAssembly module, which it would
 * compile in each thread, and hostile pages decide how many threads there are (docs/adr/0016). What the first one made
 * is kept where the program keeps what it compiled, and later threads take it from there.
 */
import { enableCompileCache, flushCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'

if (workerData?.compileCacheDir) enableCompileCache(workerData.compileCacheDir)
await import('./page-thread.ts')
flushCompileCache()
