/** How well memory finds: recall@5 and MRR over a labelled set, by words alone and beside vectors. */
import { startMemory, type MemoryHarness } from '../../services/memory/test/support.ts'
import { startDependencies } from '../support/dependencies.ts'
import { testCaller } from '../support/service-harness.ts'
import { askAll, qualityOf, type Asked, type Quality } from './memory/measure.ts'
import { kinds, labelledDocuments, pathOf } from './memory/set/index.ts'

/** Settings of the agent that is asked. */
type AgentConfig = Record<string, unknown>

const wordsAlone: AgentConfig = { text_weight: 1, vector_weight: 0 }

const ask = async (harness: MemoryHarness, memoryConfig: AgentConfig): Promise<Asked[]> => {
  const caller = testCaller()
  const base = `/v1/agents/${harness.addAgent(caller, { memoryConfig }).id}/memory`
  for (const document of labelledDocuments)
    await harness.request(caller, 'PUT', `${base}/documents/${pathOf(document)}`, { content: document.text })
  return askAll(async (query) => {
    const { body } = await harness.request<{ results: { path: string }[] }>(caller, 'POST', `${base}/search`, { query })
    return body.results.map(({ path }) => path)
  })
}

const cells = ({ recallAt5, mrr }: Quality): string =>
  `${recallAt5.toFixed(3).padStart(10)}${mrr.toFixed(3).padStart(7)}`

/** The parts of the set that are looked at by themselves. */
const parts: Readonly<Record<string, (one: Asked) => boolean>> = {
  all: () => true,
  'worked on': ({ isHeldOut }) => !isHeldOut,
  'held out': ({ isHeldOut }) => isHeldOut,
  'shared words': ({ isInOtherWords }) => !isInOtherWords,
  'in other words': ({ isInOtherWords }) => isInOtherWords,
}

const print = (name: string, asked: readonly Asked[]): void => {
  console.log(`\n${name}`.padEnd(25) + '    recall@5    MRR  questions')
  const line = (part: string, of: readonly Asked[]) =>
    console.log(`  ${part.padEnd(22)}${cells(qualityOf(of))}${String(of.length).padStart(11)}`)
  for (const [part, isIn] of Object.entries(parts)) line(part, asked.filter(isIn))
  for (const kind of Object.keys(kinds))
    line(
      kind,
      asked.filter((one) => one.kind === kind),
    )
}

const printMisses = (asked: readonly Asked[]): void => {
  for (const { question, answer, rank, isHeldOut } of asked)
    if (rank !== 1 && !isHeldOut) console.log(`  ${rank} ${answer}: ${question}`)
}

interface Options {
  /** Prints also the questions of the half that is worked on whose answer does not come first. */
  misses: boolean
  /** Folder with the packages of a sentence model (docs/adr/0042), which is then measured too. */
  sentenceModel: string | undefined
}

/** Prints the quality of each way to search. */
export const memoryBench = async ({ misses, sentenceModel }: Options): Promise<void> => {
  const measure = async (env: Record<string, string>, ways: Record<string, AgentConfig>): Promise<void> => {
    const harness = await startMemory(env)
    try {
      for (const [name, config] of Object.entries(ways)) {
        const asked = await ask(harness, config)
        print(name, asked)
        if (misses) printMisses(asked)
      }
    } finally {
      await harness.stop()
    }
  }
  const stopServers = await startDependencies()
  try {
    await measure({}, { 'full text alone': wordsAlone, 'hashing hybrid': {} })
    if (sentenceModel !== undefined)
      await measure({ CLAWMESH_MEMORY_SENTENCE_MODEL: sentenceModel }, { 'sentence model hybrid': {} })
  } finally {
    await stopServers()
  }
}
