/** Graphs out of texts, by models that answer well and badly, and duplicates in them. */
import { MeshError } from '@clawmesh/contracts'
import type { ChatRequest, ChatResponse } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { evict, newId, type Call } from '@clawmesh/chassis'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { modelSays, noProvider, startMemory, type MemoryHarness } from './support.ts'

let harness: MemoryHarness
/** What the model was asked. */
let asked: ChatRequest[] = []
/** What it answers, in order; the last answer goes on. */
let answers: (() => AsyncIterable<ChatResponse>)[] = []

beforeAll(async () => {
  harness = await startMemory()
})
afterAll(() => harness.stop())
beforeEach(() => {
  asked = []
  answers = []
  harness.providers.chat = (request) => {
    asked.push(request)
    return (answers.length > 1 ? answers.shift()! : answers[0]!)()
  }
})
afterEach(() => {
  harness.providers.embed = noProvider
  evict(harness.bus, { kind: 'providers' })
})

const entity = (id: string, more: object = {}) => ({
  external_id: id,
  name: id,
  entity_type: 'person',
  description: `about ${id}`,
  confidence: 0.9,
  ...more,
})
const relation = (source: string, type: string, target: string, confidence = 0.9) => ({
  source_entity_id: source,
  relation_type: type,
  target_entity_id: target,
  confidence,
})
const says =
  (entities: object[], relations: object[] = []) =>
  () =>
    modelSays(JSON.stringify({ entities, relations }))
/** A model that fails. */
const fails = (error: Error) =>
  async function* (): AsyncIterable<ChatResponse> {
    yield* []
    throw error
  }

const fresh = () => {
  const caller = testCaller()
  const kg = `/v1/agents/${harness.addAgent(caller).id}/kg`
  const ask = <B = Record<string, unknown>>(method: string, path: string, body?: object) =>
    harness.request<B>(caller, method, `${kg}${path}`, body)
  const extract = (text: string, more: object = {}) =>
    ask('POST', '/extract', { text, provider: 'test', model: 'm1', ...more })
  const put = async (name: string, more: object = {}) =>
    String((await ask('POST', '/entities', { external_id: name, name, entity_type: 'person', ...more })).body['id'])
  const graph = async () => {
    const { body } = await ask<{ entities: Record<string, unknown>[]; relations: Record<string, unknown>[] }>(
      'GET',
      '/graph',
    )
    const names = new Map(body.entities.map(({ id, external_id }) => [id, external_id]))
    return {
      entities: body.entities.map(({ external_id }) => String(external_id)).toSorted(),
      relations: body.relations
        .map(({ source_entity_id, relation_type, target_entity_id }) =>
          [names.get(source_entity_id), relation_type, names.get(target_entity_id)].join(' '),
        )
        .toSorted(),
      whole: body.entities,
    }
  }
  return { caller, ask, extract, put, graph }
}

describe('extraction', () => {
  rule('extractKg.requiresTextProviderAndModel', async () => {
    const { extract } = fresh()
    for (const field of ['text', 'provider', 'model'])
      for (const value of ['', ' ', undefined]) {
        const { status, body } = await extract('text', { [field]: value })
        expect([status, body['error']]).toEqual([400, expect.stringContaining(field)])
      }
  })

  rule('extractKg.namesTheProvider', async () => {
    const { extract } = fresh()
    answers = [fails(new MeshError('FAILED_PRECONDITION', 'error.unavailable', { what: 'provider' }))]
    expect((await extract('text', { provider: 'nobody' })).status).toBe(400)
    expect(asked[0]).toMatchObject({ provider: 'nobody', model: 'm1', options: { maxTokens: 8192, temperature: 0.2 } })
  })

  rule('extractKg.asksOnceAPiece', async () => {
    const { extract } = fresh()
    answers = [says([])]
    await extract('short')
    expect(asked.map(({ messages }) => messages.at(-1)!.content)).toEqual(['short'])
    asked = []
    await extract(`${'a'.repeat(8_000)}\n\n${'b'.repeat(8_000)}`)
    expect(asked.map(({ messages }) => messages.at(-1)!.content)).toEqual(['a'.repeat(8_000), 'b'.repeat(8_000)])
  })

  rule('extractKg.skipsFailedPieces', async () => {
    const { extract, graph } = fresh()
    answers = [() => modelSays('I would rather not.'), fails(new Error('away')), says([entity('anna')])]
    const { status, body } = await extract('x'.repeat(30_000))
    expect([status, body['entities']]).toEqual([200, 1])
    expect((await graph()).entities).toEqual(['anna'])
  })

  rule('extractKg.mergesPieces', async () => {
    const { extract, graph } = fresh()
    answers = [
      says(
        [entity('anna', { confidence: 0.8, description: 'less' }), entity('bob')],
        [relation('anna', 'knows', 'bob', 0.8)],
      ),
      says([entity('anna', { confidence: 0.95, description: 'more' })], [relation('anna', 'knows', 'bob', 0.9)]),
    ]
    expect((await extract('x'.repeat(20_000))).body).toMatchObject({ entities: 2, relations: 1 })
    const { whole, relations } = await graph()
    expect(whole.find(({ external_id }) => external_id === 'anna')).toMatchObject({
      description: 'more',
      confidence: 0.95,
    })
    expect(relations).toEqual(['anna knows bob'])
  })

  rule('extractKg.repairsAnswers', async () => {
    const { extract, graph } = fresh()
    const content =
      '```json\n{"entities":[{"external_id":" Anna ","name":" Anna ","entity_type":"PERSON","confidence":0. 9,},],"relations":[],}\n```'
    answers = [() => modelSays(content)]
    expect((await extract('text')).body).toMatchObject({ entities: 1 })
    expect((await graph()).whole).toMatchObject([
      { external_id: 'anna', name: 'Anna', entity_type: 'person', confidence: 0.9 },
    ])
  })

  rule('extractKg.asksAgainWhenCut', async () => {
    const { extract } = fresh()
    answers = [() => modelSays('{"entities":[', 'length'), says([entity('anna')])]
    expect((await extract('y'.repeat(10_000))).body).toMatchObject({ entities: 1 })
    const [, second] = asked.map(({ messages }) => messages.at(-1)!.content)
    expect(second!.startsWith(`${'y'.repeat(8_000)}\n`)).toBe(true)
    answers = [() => modelSays('{"entities":[', 'length')]
    expect((await extract('text')).status).toBe(500)
  })

  rule('extractKg.dropsTheUnsure', async () => {
    const { extract, graph } = fresh()
    answers = [says([entity('sure'), entity('unsure', { confidence: 0.7 })], [relation('sure', 'knows', 'sure', 0.5)])]
    for (const min_confidence of [undefined, 0, -1])
      expect((await extract('text', { min_confidence })).body).toMatchObject({ entities: 1, relations: 0 })
    expect((await graph()).entities).toEqual(['sure'])
    expect((await extract('text', { min_confidence: 0.5 })).body).toMatchObject({ entities: 2, relations: 1 })
  })

  rule('extractKg.countsWhatWasFound', async () => {
    const { extract, graph } = fresh()
    answers = [
      says([entity('anna'), entity('bob')], [relation('anna', 'knows', 'bob'), relation('anna', 'knows', 'nobody')]),
    ]
    expect((await extract('text')).body).toEqual({ entities: 2, relations: 2, dedup_merged: 0, dedup_flagged: 0 })
    expect((await graph()).relations).toEqual(['anna knows bob'])
  })

  rule('extractKg.storesAllOrNothing', async () => {
    const { extract, graph, put } = fresh()
    const id = await put('anna', { properties: { colour: 'grey' }, entity_type: 'thing' })
    answers = [says([entity('anna'), entity('bob')], [relation('anna', 'knows', 'bob')])]
    await extract('text')
    expect((await graph()).whole.find(({ external_id }) => external_id === 'anna')).toMatchObject({
      id,
      entity_type: 'person',
      properties: { colour: 'grey' },
    })
    await harness.database.pool.query(
      `ALTER TABLE memory.kg_relations ADD CONSTRAINT no_such CHECK (relation_type <> 'forbidden') NOT VALID`,
    )
    answers = [says([entity('carol'), entity('dave')], [relation('carol', 'forbidden', 'dave')])]
    expect((await extract('text')).status).toBe(500)
    await harness.database.pool.query('ALTER TABLE memory.kg_relations DROP CONSTRAINT no_such')
    expect((await graph()).entities).toEqual(['anna', 'bob'])
  })

  rule('extractKg.foldsDuplicates', async () => {
    const { extract, graph, ask } = fresh()
    answers = [
      says([entity('anna-berg', { name: 'Anna Berg', description: 'Leads the platform team', confidence: 0.8 })]),
    ]
    await extract('text')
    answers = [
      says(
        [
          entity('a-berg', { name: 'Anna  Berg', description: 'Leads the platform team', confidence: 0.95 }),
          entity('atlas', { entity_type: 'project' }),
        ],
        [relation('a-berg', 'manages', 'atlas')],
      ),
    ]
    expect((await extract('text')).body).toMatchObject({ dedup_merged: 1, dedup_flagged: 0 })
    expect(await graph()).toMatchObject({ entities: ['a-berg', 'atlas'], relations: ['a-berg manages atlas'] })
    // Alike in meaning, not in name.
    harness.providers.embed = async (_call: Call, { texts }) => ({
      configured: true,
      provider: 'test',
      model: 'same',
      vectors: texts.map((_, index) => ({ values: [1, index / 100] })),
    })
    evict(harness.bus, { kind: 'providers' })
    answers = [says([entity('zoe', { entity_type: 'place' }), entity('mark', { entity_type: 'place' })])]
    expect((await extract('text')).body).toMatchObject({ dedup_merged: 0, dedup_flagged: expect.any(Number) })
    expect((await ask('GET', '/dedup')).body).toHaveLength(1)
  })

  rule('extractKg.answersFailures500', async () => {
    const { extract } = fresh()
    answers = [() => modelSays('no')]
    const unreadable = await extract('text')
    expect([unreadable.status, unreadable.body['error']]).toEqual([500, expect.stringContaining('no JSON object')])
    answers = [fails(new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'the model' }))]
    const away = await extract('text')
    expect([away.status, away.body['error']]).toEqual([500, expect.stringContaining('the model')])
  })
})

interface Candidate {
  id: string
  entity_a: { id: string; name: string; created_at: number }
  entity_b: { id: string; name: string }
  similarity: number
  status: string
  created_at: number
}

describe('duplicates', () => {
  const open = async ({ ask }: ReturnType<typeof fresh>, query = '') =>
    (await ask<Candidate[]>('GET', `/dedup${query}`)).body
  const scan = async ({ ask }: ReturnType<typeof fresh>, body?: object) =>
    (await ask('POST', '/dedup/scan', body)).body['candidates_found']

  rule('scanKgDuplicates.comparesByMeaning', async () => {
    const place = fresh()
    await place.put('grey heron')
    await place.put('grey herons')
    await place.put('grey heron nest')
    await place.put('grey heronss', { entity_type: 'project' })
    await place.put('grey heronsss', { user_id: 'bob' })
    expect(await scan(place, { threshold: 0.3 })).toBe(3)
    const pairs = await open(place)
    expect(pairs.map(({ similarity }) => similarity)).toEqual(
      pairs.map(({ similarity }) => similarity).toSorted((a, b) => b - a),
    )
    expect([pairs[0]!.entity_a.name, pairs[0]!.entity_b.name].toSorted()).toEqual(['grey heron', 'grey herons'])
    expect(await scan(place, { threshold: 0.3, limit: 1 })).toBe(1)
    expect(await scan(place, { threshold: 1 })).toBe(0)
  })

  rule('scanKgDuplicates.comparesTheLatest', async () => {
    const place = fresh()
    await place.put('grey heron')
    await place.put('grey herons')
    const { pool } = harness.database
    // Newer ones without number, of which none is like another.
    await pool.query(
      `INSERT INTO memory.kg_entities (id, tenant_id, agent_id, user_id, external_id, name, entity_type, terms, embedding,
         dims, embedding_model, updated_at)
       SELECT gen_random_uuid(), tenant_id, agent_id, user_id, 'n' || n, 'n' || n, 'other' || n, terms, embedding, dims,
         embedding_model, now() + interval '1 hour'
       FROM memory.kg_entities, generate_series(1, 1999) AS n WHERE tenant_id = $1 AND name = 'grey heron'`,
      [place.caller.tenantId],
    )
    expect(await scan(place)).toBe(0)
    await pool.query(`DELETE FROM memory.kg_entities WHERE tenant_id = $1 AND name = 'n1'`, [place.caller.tenantId])
    expect(await scan(place)).toBe(1)
  })

  rule('scanKgDuplicates.hasDefaults', async () => {
    const place = fresh()
    await place.put('grey heron')
    await place.put('grey herons')
    await place.put('grey stork')
    for (const body of [undefined, {}, { threshold: 0, limit: 0 }, { threshold: -1, limit: -1 }])
      expect(await scan(place, body)).toBe(1)
  })

  rule('scanKgDuplicates.recordsAPairOnce', async () => {
    const place = fresh()
    await place.put('grey heron')
    await place.put('grey herons')
    expect([await scan(place), await scan(place)]).toEqual([1, 1])
    const pairs = await open(place)
    expect(pairs).toHaveLength(1)
    expect(pairs[0]!.entity_a.id < pairs[0]!.entity_b.id).toBe(true)
    await place.ask('POST', '/dedup/dismiss', { candidate_id: pairs[0]!.id })
    expect(await scan(place)).toBe(1)
    expect(await open(place)).toEqual([])
  })

  rule('listKgDedupCandidates.listsOpenOnes', async () => {
    const place = fresh()
    expect(await open(place)).toEqual([])
    await place.put('grey heron')
    await place.put('grey herons')
    await place.put('grey heron nest')
    await scan(place, { threshold: 0.3 })
    const [first, second] = await open(place)
    expect(first!.similarity).toBeGreaterThan(second!.similarity)
    expect(first!.status).toBe('pending')
    await place.ask('POST', '/dedup/dismiss', { candidate_id: first!.id })
    expect((await open(place)).map(({ id }) => id)).not.toContain(first!.id)
  })

  rule('listKgDedupCandidates.tellsSeconds', async () => {
    const place = fresh()
    await place.put('grey heron')
    await place.put('grey herons')
    await scan(place)
    const [pair] = await open(place)
    expect(Math.abs(pair!.created_at - pair!.entity_a.created_at / 1_000)).toBeLessThan(60)
  })

  rule('listKgDedupCandidates.capsThePage', async () => {
    const place = fresh()
    for (const limit of ['0', '-1', 'many']) expect((await place.ask('GET', `/dedup?limit=${limit}`)).status).toBe(400)
    expect(await open(place, '?limit=100000')).toEqual([])
  })

  const withPairs = async () => {
    const place = fresh()
    await place.put('grey heron')
    await place.put('grey herons')
    await place.put('grey heron nest')
    await scan(place, { threshold: 0.3 })
    const ids = (await open(place)).map(({ id }) => id)
    const dismiss = (body: object) => place.ask('POST', '/dedup/dismiss', body)
    return { place, ids, dismiss }
  }

  rule('dismissKgDedupCandidate.requiresAnId', async () => {
    const { dismiss } = await withPairs()
    for (const body of [{}, { ids: [] }]) {
      const answer = await dismiss(body)
      expect([answer.status, answer.body['error']]).toEqual([400, expect.stringContaining('candidate_id')])
    }
  })

  rule('dismissKgDedupCandidate.closesThePair', async () => {
    const { place, ids, dismiss } = await withPairs()
    expect(await dismiss({ candidate_id: ids[0] })).toMatchObject({ status: 200, body: { status: 'dismissed' } })
    await scan(place, { threshold: 0.3 })
    expect((await open(place)).map(({ id }) => id)).toEqual(ids.slice(1))
  })

  rule('dismissKgDedupCandidate.takesSeveral', async () => {
    const { place, ids, dismiss } = await withPairs()
    expect((await dismiss({ ids: [ids[0], ids[1], newId()] })).status).toBe(200)
    expect(await open(place)).toHaveLength(1)
    expect((await dismiss({ ids: [ids[0], ids[1]] })).status).toBe(404)
  })

  rule('dismissKgDedupCandidate.answersDecided404', async () => {
    const { ids, dismiss } = await withPairs()
    await dismiss({ candidate_id: ids[0] })
    for (const candidate_id of [ids[0], newId()]) {
      const { status, body } = await dismiss({ candidate_id })
      expect([status, body['error']]).toEqual([404, expect.stringContaining(candidate_id!)])
    }
  })
})

describe('a merge', () => {
  /** Two entities and what they know, as a model says it. */
  const withGraph = async () => {
    const place = fresh()
    answers = [
      says(
        ['target', 'source', 'carol', 'dave'].map((id) => entity(id, { entity_type: id })),
        [
          relation('source', 'knows', 'carol'),
          relation('target', 'knows', 'carol'),
          relation('source', 'manages', 'carol'),
          relation('dave', 'knows', 'source'),
          relation('dave', 'knows', 'target'),
          relation('dave', 'blocks', 'source'),
          relation('source', 'knows', 'target'),
          relation('target', 'blocks', 'source'),
        ],
      ),
    ]
    await place.extract('text')
    const { whole } = await place.graph()
    const idOf = (name: string) => String(whole.find(({ external_id }) => external_id === name)!['id'])
    const merge = (body: object) => place.ask('POST', '/merge', body)
    return { place, merge, target_id: idOf('target'), source_id: idOf('source'), whole }
  }

  rule('mergeKgEntities.movesRelations', async () => {
    const { place, merge, target_id, source_id } = await withGraph()
    expect(await merge({ target_id, source_id })).toMatchObject({ status: 200, body: { status: 'merged' } })
    expect((await place.graph()).relations).toEqual([
      'dave blocks target',
      'dave knows target',
      'target knows carol',
      'target manages carol',
    ])
  })

  rule('mergeKgEntities.keepsTheTarget', async () => {
    const { place, merge, target_id, source_id, whole } = await withGraph()
    await merge({ target_id, source_id })
    const after = await place.graph()
    expect(after.entities).toEqual(['carol', 'dave', 'target'])
    const target = (list: Record<string, unknown>[]) => list.find(({ id }) => id === target_id)
    expect(target(after.whole)).toEqual(target(whole))
  })

  rule('mergeKgEntities.requiresBothIds', async () => {
    const { merge, target_id, source_id } = await withGraph()
    for (const body of [{ target_id }, { source_id }, {}, { target_id, source_id: target_id }])
      expect((await merge(body)).status).toBe(400)
  })

  rule('mergeKgEntities.checksTheOwner', async () => {
    const { place, merge, target_id, source_id } = await withGraph()
    expect((await merge({ target_id, source_id, user_id: 'bob' })).status).toBe(404)
    const bobs = await place.put('bobs', { user_id: 'bob' })
    expect((await merge({ target_id, source_id: bobs })).status).toBe(400)
    expect((await place.graph()).entities).toContain('bobs')
  })

  rule('mergeKgEntities.answersUnknown404', async () => {
    const { merge, target_id, source_id } = await withGraph()
    const nobody = newId()
    for (const body of [
      { target_id, source_id: nobody },
      { target_id: nobody, source_id },
    ]) {
      const answer = await merge(body)
      expect([answer.status, answer.body['error']]).toEqual([404, expect.stringContaining(nobody)])
    }
  })
})
