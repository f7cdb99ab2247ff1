/** The thread in which pages are rendered; see page-threads.ts. */
import { parentPort } from 'node:worker_threads'
import { renderPage, type PageSource } from './render.ts'

parentPort?.on('message', (source: PageSource) => parentPort?.postMessage(renderPage(source)))
