/**
 * How long memory searches where there is much, how much of what is nearest its index finds, and how long a walk through a large graph
 * takes: over the embedded database, or a server with pgvector that is named.
 */
import { createHash } from 'node:crypto'
import type { Caller } from '@clawmesh/contracts'
import { featureHash, featureHashingSpace } from '../../services/memory/src/embeddings/feature-hashing.ts'
import { createVectorIndex } from '../../services/memory/src/search/index-rows.ts'
import { createSearchRows } from '../../services/memory/src/search/rows.ts'
import { wantedBy } from '../../services/memory/src/text/question.ts'
import { startMemory, type MemoryHarness } from '../../services/memory/test/support.ts'
import { startDependencies } from '../support/dependencies.ts'
import { testCaller } from '../support/service-harness.ts'
import { createCorpus } from './memory/corpus.ts'
import { copyChunks, fillChunks, fillGraph, graphStarts, timesOf } from './memory/scale.ts'
import { percentile } from './percentile.ts'

/** A user's, and the agent's own. */
const chunksOfOwner = 1_000
const owners = ['', ...Array.from({ length: 99 }, (_, at) => `user ${at}`)]
const chunks = owners.length * chunksOfOwner
/** Those who have texts of their own; the others have copies of them. */
const ownersWithTexts = 20
const [smallAgents, smallTenants, chunksOfSmall] = [1_000, 10, 100]
const graph = { entities: 100_000, relations: 500_000 }
const calls = 200
const nearestOf = 10
const recallQuestions = 40

/** The same at every run, so that a database that is kept is known again. */
const idOf = (name: string): string =>
  createHash('sha256')
    .update(name)
    .digest('hex')
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5')

const callerOf = (name: string): Caller => testCaller({ tenantId: idOf(`tenant ${name}`) })
const big = { caller: callerOf('big'), agentId: idOf('big agent') }
const small = Array.from({ length: smallAgents }, (_, at) => ({
  caller: callerOf(`small ${at % smallTenants}`),
  agentId: idOf(`small agent ${at}`),
}))
const scopeOf = ({ caller, agentId }: typeof big) => ({ tenantId: caller.tenantId, agentId })

const fill = async ({ database: { pool } }: MemoryHarness): Promise<void> => {
  const { rows } = await pool.query('SELECT 1 FROM memory.chunks LIMIT 1')
  if (rows.length > 0) return
  const filling = { ...scopeOf(big), owners: owners.slice(0, ownersWithTexts), chunks: ownersWithTexts * chunksOfOwner }
  await fillChunks(pool, createCorpus(1), [filling])
  const copies = small.map((one) => ({ ...scopeOf(one), owner: '' }))
  await copyChunks(pool, filling, copies, chunksOfSmall)
  await copyChunks(
    pool,
    filling,
    owners.slice(ownersWithTexts).map((owner) => ({ ...filling, owner })),
    chunksOfOwner,
  )
  await fillGraph(pool, { ...scopeOf(big), ...graph })
  await pool.query('VACUUM ANALYZE memory.chunks')
  await pool.query('VACUUM ANALYZE memory.kg_entities')
  await pool.query('VACUUM ANALYZE memory.kg_relations')
}

const print = (name: string, sorted: readonly number[]): void =>
  console.log(
    `  ${name.padEnd(58)}${[0.5, 0.95, 0.99].map((share) => percentile(sorted, share).toFixed(1).padStart(9)).join('')}`,
  )

interface Options {
  /** An empty database of a server with pgvector, which is filled; one that a run before has filled is taken as it is. */
  databaseUrl: string | undefined
}

export const memoryScaleBench = async ({ databaseUrl }: Options): Promise<void> => {
  const stopServers = await startDependencies()
  const harness = await startMemory({}, undefined, databaseUrl)
  try {
    const beganAt = performance.now()
    await fill(harness)
    console.log(`\nmemory at scale, ${databaseUrl === undefined ? 'embedded database' : 'native database'}`)
    console.log(`  filled in ${((performance.now() - beganAt) / 1_000).toFixed(0)} s`)
    for (const { caller, agentId } of [big, ...small]) harness.addAgent(caller, { id: agentId })
    const questions = createCorpus(2)
    const search = async ({ caller, agentId }: typeof big, userId: string): Promise<void> => {
      const answer = await harness.request(caller, 'POST', `/v1/agents/${agentId}/memory/search`, {
        ...{ query: questions.question(), user_id: userId, max_results: nearestOf },
      })
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
    }
    // Searches of the whole agent would have it made; there is none on the embedded database.
    if (databaseUrl !== undefined)
      await createVectorIndex(harness.database, featureHashingSpace.dims, new AbortController().signal)
    console.log(`  indexed after ${((performance.now() - beganAt) / 1_000).toFixed(0)} s`)
    console.log(`${' '.repeat(60)}   p50 ms   p95 ms   p99 ms`)
    const user = () => owners[1 + Math.floor(Math.random() * (owners.length - 1))]!
    await timesOf(20, () => search(big, user()))
    print(`search, agent of ${chunks} chunks, its own and a user's`, await timesOf(calls, () => search(big, user())))
    await timesOf(20, (at) => search(small[at]!, ''))
    print(
      `search, ${smallAgents} agents of ${chunksOfSmall} beside it`,
      await timesOf(calls, (at) => search(small[(at * 37) % smallAgents]!, '')),
    )

    const rows = createSearchRows(harness.database)(big.caller.tenantId)
    for (const [name, userIdsOf] of [
      ["its own and a user's", () => ['', user()]],
      ['all of the agent', () => owners],
    ] as const) {
      const counts = { found: 0, looked: 0 }
      const [byIndexMs, oneByOneMs, wordsMs]: [number[], number[], number[]] = [[], [], []]
      for (let at = 0; at < recallQuestions; at++) {
        const scope = { agentId: big.agentId, userIds: userIdsOf(), limit: 4 * nearestOf }
        const question = questions.question()
        const wanted = wantedBy(question)
        const nearTo = { space: featureHashingSpace, vector: featureHash(question) }
        const timed = async <T>(times: number[], call: () => Promise<T>): Promise<T> => {
          const calledAt = performance.now()
          const answer = await call()
          times.push(performance.now() - calledAt)
          return answer
        }
        const measured = await timed(oneByOneMs, () => rows.measure(scope, { wanted, nearTo }))
        const near = (await timed(byIndexMs, () => rows.nearestByIndex(scope, nearTo))) ?? []
        await timed(wordsMs, () => rows.measure(scope, { wanted, nearTo, near }))
        const exact = measured.map(({ cosine }) => cosine!).toSorted((a, b) => b - a)
        // Of texts that are the same any will do, so what counts is how near they are.
        const least = exact[nearestOf - 1]! - 1e-6
        const byIndex = await rows.measure(scope, { wanted: [], nearTo, near: near.slice(0, nearestOf) })
        counts.looked += nearestOf
        counts.found += byIndex.filter(({ cosine }) => cosine! >= least).length
      }
      const sorted = (times: number[]) => times.toSorted((a, b) => a - b)
      print(`statement: words and vectors one by one, ${name}`, sorted(oneByOneMs))
      print(`statement: nearest by the index, ${name}`, sorted(byIndexMs))
      print(`statement: words beside the index, ${name}`, sorted(wordsMs))
      console.log(`  recall@${nearestOf} of the index, ${name}: ${(counts.found / counts.looked).toFixed(3)}`)
    }

    const starts = await graphStarts(harness.database.pool, scopeOf(big))
    const walk = async (at: number): Promise<void> => {
      const answer = await harness.request(big.caller, 'POST', `/v1/agents/${big.agentId}/kg/traverse`, {
        ...{ entity_id: starts[(at * 13) % starts.length], max_depth: 3 },
      })
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
    }
    await timesOf(20, walk)
    print(`walk of depth 3, ${graph.entities} entities, ${graph.relations} relations`, await timesOf(calls, walk))
  } finally {
    await harness.stop()
    await stopServers()
  }
}
