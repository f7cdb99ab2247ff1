/** What starting a thread for pages costs the process: hostile pages decide how often it happens. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

/** Says so on stderr each time a WebAssembly module is compiled. */
const counting = `data:text/javascript,${encodeURIComponent(`
  const Original = WebAssembly.Module
  WebAssembly.Module = class extends Original {
    constructor(bytes) {
      super(bytes)
      process.stderr.write('compiled ')
    }
  }`)}`

it('compiles WebAssembly for the first thread at most, and never again', async () => {
  const compileCacheDir = await mkdtemp(join(tmpdir(), 'clawmesh-compiled-'))
  const compiledBy = async (): Promise<number> => {
    const worker = new Worker(new URL('../src/web/page-thread-start.mjs', import.meta.url), {
      workerData: { compileCacheDir },
      execArgv: ['--import', counting],
      stderr: true,
    })
    let said = ''
    worker.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    worker.postMessage({ as: 'text', text: '<p>hi</p>', url: 'https://example.org/' })
    await once(worker, 'message')
    await worker.terminate()
    return said.split('compiled').length - 1
  }
  expect(await compiledBy()).toBeLessThanOrEqual(1)
  for (let times = 0; times < 3; times++) expect(await compiledBy()).toBe(0)
  await rm(compileCacheDir, { recursive: true })
})
