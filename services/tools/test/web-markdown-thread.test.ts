import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

test('the thread that turns pages into Markdown starts without the WebAssembly that strips types', async () => {
  const worker = new Worker(new URL('../src/web/markdown-worker.mjs', import.meta.url), {
    execArgv: ['--no-strip-types'],
  })
  worker.postMessage('<h1>Head</h1>')
  expect(await once(worker, 'message')).toEqual(['# Head'])
  await worker.terminate()
})
