/** Entities and the graph that they make: written, found, walked, counted. */
import type { Caller } from '@clawmesh/contracts'
import { newId, outboxRow, type Database } from '@clawmesh/chassis'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { until } from '../../../test/support/eventually.ts'
import { createGraphRows } from '../src/knowledge-graph/graph/rows.ts'
import { noProvider, startMemory, type MemoryHarness } from './support.ts'

let harness: MemoryHarness
beforeAll(async () => {
  harness = await startMemory()
})
afterAll(() => harness.stop())
afterEach(() => {
  harness.providers.embed = noProvider
})

interface Shown {
  id: string
  name: string
  [field: string]: unknown
}
interface Reached {
  entity: Shown
  depth: number
  path: string[]
  via: string
}

const fresh = (caller: Caller = testCaller()) => {
  const agent = harness.addAgent(caller)
  const kg = `/v1/agents/${agent.key}/kg`
  const ask = <B = Record<string, unknown>>(method: string, path: string, body?: object) =>
    harness.request<B>(caller, method, `${kg}${path}`, body)
  const put = async (name: string, more: object = {}) =>
    String((await ask('POST', '/entities', { external_id: name, name, entity_type: 'person', ...more })).body['id'])
  const relate = async (source: string, type: string, target: string): Promise<void> => {
    await harness.database.pool.query(
      `INSERT INTO memory.kg_relations (id, tenant_id, agent_id, source_entity_id, relation_type, target_entity_id, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())`,
      [newId(), caller.tenantId, agent.id, source, type, target],
    )
  }
  const list = async (query = '') => (await ask<Shown[]>('GET', `/entities${query}`)).body
  const names = async (query = '') => (await list(query)).map(({ name }) => name)
  const walk = async (body: object) => (await ask<Reached[]>('POST', '/traverse', body)).body
  return { caller, agent, ask, put, relate, list, names, walk }
}

describe('an entity', () => {
  rule('upsertKgEntity.keepsIdAndCreation', async () => {
    const { put, list, ask } = fresh()
    const id = await put('anna', { description: 'first' })
    const [before] = await list()
    const again = await ask('POST', '/entities', { external_id: 'anna', name: 'Anna B', entity_type: 'project' })
    expect(again).toMatchObject({ status: 200, body: { status: 'ok', id } })
    const after = await list()
    expect(after).toEqual([
      {
        id,
        agent_id: expect.any(String),
        external_id: 'anna',
        name: 'Anna B',
        entity_type: 'project',
        confidence: 1,
        created_at: before!['created_at'],
        updated_at: expect.any(Number),
      },
    ])
  })

  rule('upsertKgEntity.keepsOwnersApart', async () => {
    const { put, list } = fresh()
    const ids = [await put('anna'), await put('anna', { user_id: 'bob' })]
    expect(new Set(ids).size).toBe(2)
    expect(await list()).toHaveLength(2)
  })

  rule('upsertKgEntity.requiresNames', async () => {
    const { ask } = fresh()
    const whole = { external_id: 'a', name: 'a', entity_type: 'person' }
    for (const field of Object.keys(whole))
      for (const wrong of [{ [field]: '' }, { [field]: undefined }]) {
        const { status, body } = await ask('POST', '/entities', { ...whole, ...wrong })
        expect(status).toBe(400)
        expect(body['error']).toContain(field)
      }
  })

  rule('upsertKgEntity.ignoresGivenIds', async () => {
    const { put, list, agent } = fresh()
    const given = newId()
    const id = await put('anna', { id: given, agent_id: given, created_at: 1, updated_at: 1 })
    const [shown] = await list()
    expect(id).not.toBe(given)
    expect(shown!['agent_id']).toBe(agent.id)
    expect(Number(shown!['created_at'])).toBeGreaterThan(1)
  })

  rule('upsertKgEntity.trustsByDefault', async () => {
    const { put, list } = fresh()
    for (const [name, confidence] of Object.entries({ none: undefined, zero: 0, less: -1, half: 0.5, over: 7 }))
      await put(name, { confidence })
    const shown = Object.fromEntries((await list()).map(({ name, confidence }) => [name, confidence]))
    expect(shown).toEqual({ none: 1, zero: 1, less: 1, half: 0.5, over: 1 })
  })

  rule('upsertKgEntity.takesAnyType', async () => {
    const { put, list } = fresh()
    await put('x', { entity_type: 'Mein Typ 类型' })
    expect(await list()).toMatchObject([{ entity_type: 'Mein Typ 类型' }])
  })

  rule('upsertKgEntity.refusesOtherProperties', async () => {
    const { ask, put, list } = fresh()
    for (const properties of [{ a: 1 }, { a: { b: 'c' } }, ['a'], 'a']) {
      const answer = await ask('POST', '/entities', { external_id: 'a', name: 'a', entity_type: 'a', properties })
      expect(answer.status).toBe(400)
    }
    await put('a', { properties: { colour: 'grey' } })
    expect(await list()).toMatchObject([{ properties: { colour: 'grey' } }])
  })

  rule('upsertKgEntity.isFoundAtOnce', async () => {
    const { put, names } = fresh()
    await put('Grey heron', { description: 'A tall bird' })
    expect(await names('?q=herons')).toEqual(['Grey heron'])
    expect(await names('?q=tall')).toEqual(['Grey heron'])
  })

  rule('upsertKgEntity.survivesEmbeddingFailures', async () => {
    harness.providers.embed = async () => {
      throw new Error('away')
    }
    const { put, names } = fresh()
    await put('heron')
    expect(await names('?q=heron')).toEqual(['heron'])
  })

  rule('getKgEntity.showsBothDirections', async () => {
    const { put, relate, ask } = fresh()
    const [a, b, c] = [await put('a'), await put('b'), await put('c')]
    await relate(a, 'knows', b)
    await relate(c, 'manages', a)
    await relate(b, 'knows', c)
    const { body } = await ask<{ entity: Shown; relations: Shown[] }>('GET', `/entities/${a}`)
    expect(body.entity.id).toBe(a)
    expect(body.relations).toMatchObject([
      { source_entity_id: c, relation_type: 'manages', target_entity_id: a, confidence: 1 },
      { source_entity_id: a, relation_type: 'knows', target_entity_id: b },
    ])
    const alone = await ask('GET', `/entities/${await put('alone')}`)
    expect(alone.body['relations']).toEqual([])
  })

  rule('getKgEntity.answersUnknown404', async () => {
    const { ask } = fresh()
    const id = newId()
    const { status, body } = await ask('GET', `/entities/${id}`)
    expect(status).toBe(404)
    expect(body['error']).toContain(id)
  })

  rule('deleteKgEntity.removesWhatTouchesIt', async () => {
    const { put, relate, ask, list } = fresh()
    const [a, b] = [await put('grey heron'), await put('grey herons')]
    await relate(a, 'knows', b)
    await ask('POST', '/dedup/scan', { threshold: 0.1 })
    expect((await ask('GET', '/dedup')).body).toHaveLength(1)
    expect(await ask('DELETE', `/entities/${a}`)).toMatchObject({ status: 200, body: { status: 'deleted' } })
    expect((await list()).map(({ id }) => id)).toEqual([b])
    expect((await ask('GET', '/dedup')).body).toEqual([])
    expect((await ask('GET', '/stats')).body).toMatchObject({ relation_count: 0 })
  })

  rule('deleteKgEntity.isIdempotent', async () => {
    const { ask } = fresh()
    expect(await ask('DELETE', `/entities/${newId()}`)).toMatchObject({ status: 200, body: { status: 'deleted' } })
  })
})

describe('a list of entities', () => {
  rule('listKgEntities.answersAnArray', async () => {
    expect(await fresh().list()).toEqual([])
  })

  rule('listKgEntities.listsByChange', async () => {
    const { put, names } = fresh()
    for (const name of ['a', 'b', 'c']) await put(name, { entity_type: name === 'b' ? 'Person' : 'person' })
    await put('a')
    expect(await names()).toEqual(['a', 'c', 'b'])
    expect(await names('?type=person')).toEqual(['a', 'c'])
    expect(await names('?limit=1&offset=1')).toEqual(['c'])
  })

  rule('listKgEntities.capsThePage', async () => {
    const { ask, put } = fresh()
    await put('a')
    for (const limit of ['0', '-1', 'many']) expect((await ask('GET', `/entities?limit=${limit}`)).status).toBe(400)
    expect((await ask('GET', '/entities?limit=100000&offset=x')).body).toHaveLength(1)
  })

  rule('listKgEntities.searches', async () => {
    const { put, names } = fresh()
    await put('Đà Nẵng', { entity_type: 'location' })
    await put('Paris', { description: 'rainy', entity_type: 'location' })
    await put('grey heron', { description: 'nests in trees' })
    await put('heron', { description: 'nests' })
    expect(await names('?q=da%20nang&type=person&offset=5')).toEqual(['Đà Nẵng'])
    expect(await names('?q=nesting')).toHaveLength(2)
    expect(await names('?q=nesting&limit=1')).toHaveLength(1)
    expect(await names('?q=xylophone')).toEqual([])
    expect(await names('?q=(')).toEqual([])
  })

  rule('listKgEntities.putsNamesFirst', async () => {
    const { put, names } = fresh()
    await put('Herons united', { description: 'a club' })
    await put('Tall bird', { description: 'heron heron heron' })
    await put('Heron', { description: 'a bird that is tall and grey and lives near the water in most of Europe' })
    expect(await names('?q=heron')).toEqual(['Heron', 'Herons united', 'Tall bird'])
  })
})

describe('a walk', () => {
  rule('traverseKg.countsTheStartAsOne', async () => {
    const { put, relate, walk } = fresh()
    const [a, b, c] = [await put('a'), await put('b'), await put('c')]
    await relate(a, 'knows', b)
    await relate(b, 'knows', c)
    expect(await walk({ entity_id: a, max_depth: 1 })).toEqual([])
    expect((await walk({ entity_id: a, max_depth: 2 })).map(({ entity, depth }) => [entity.name, depth])).toEqual([
      ['b', 2],
    ])
    expect((await walk({ entity_id: a, max_depth: 3 })).map(({ entity, depth }) => [entity.name, depth])).toEqual([
      ['b', 2],
      ['c', 3],
    ])
  })

  rule('traverseKg.boundsTheDepth', async () => {
    const { put, relate, walk } = fresh()
    const ids = []
    for (const name of ['a', 'b', 'c', 'd', 'e']) ids.push(await put(name))
    for (let i = 0; i + 1 < ids.length; i++) await relate(ids[i]!, 'knows', ids[i + 1]!)
    for (const depth of [0, -3, undefined]) expect(await walk({ entity_id: ids[0], max_depth: depth })).toHaveLength(1)
    expect(await walk({ entity_id: ids[0], max_depth: 99 })).toHaveLength(2)
  })

  rule('traverseKg.walksBothWays', async () => {
    const { put, relate, walk } = fresh()
    const [a, b, c] = [await put('a'), await put('b'), await put('c')]
    await relate(a, 'knows', b)
    await relate(c, 'manages', a)
    expect((await walk({ entity_id: a })).map(({ entity, via }) => [entity.name, via])).toEqual([
      ['b', 'knows'],
      ['c', '~manages'],
    ])
  })

  rule('traverseKg.tellsThePath', async () => {
    const { put, relate, walk } = fresh()
    const [a, b, c] = [await put('a'), await put('b'), await put('c')]
    for (const [from, to] of [
      [a, b],
      [b, c],
      [c, a],
      [a, a],
    ] as const)
      await relate(from, 'knows', to)
    const reached = await walk({ entity_id: a, max_depth: 3 })
    for (const { path, entity } of reached) {
      expect(path[0]).toBe(a)
      expect(path.at(-1)).toBe(entity.id)
      expect(new Set(path).size).toBe(path.length)
    }
    expect(reached.map(({ path }) => path)).toContainEqual([a, b, c])
  })

  rule('traverseKg.showsEveryPath', async () => {
    const { put, relate, walk } = fresh()
    const [start, z, y, end] = [await put('start'), await put('z'), await put('y'), await put('end')]
    for (const middle of [z, y]) {
      await relate(start, 'knows', middle)
      await relate(middle, 'knows', end)
    }
    expect((await walk({ entity_id: start, max_depth: 3 })).map(({ entity }) => entity.name)).toEqual([
      'y',
      'z',
      'end',
      'end',
    ])
  })

  rule('traverseKg.takesFrom', async () => {
    const { put, relate, walk, ask } = fresh()
    const [a, b] = [await put('a'), await put('b')]
    await relate(a, 'knows', b)
    expect(await walk({ from: a })).toHaveLength(1)
    const { status, body } = await ask('POST', '/traverse', {})
    expect([status, body['error']]).toEqual([400, expect.stringContaining('entity_id')])
  })

  rule('traverseKg.answersAnArray', async () => {
    expect(await fresh().walk({ entity_id: newId() })).toEqual([])
  })

  rule('traverseKg.isBounded', async () => {
    const { put, walk, caller, agent } = fresh()
    const hub = await put('hub')
    // Everybody knows everybody: 80 paths of one step, 80 x 79 of two.
    await harness.database.pool.query(
      `WITH made AS (
         INSERT INTO memory.kg_entities (id, tenant_id, agent_id, external_id, name, entity_type, terms)
         SELECT gen_random_uuid(), $1, $2, 'n' || n, 'n' || n, 'person', '' FROM generate_series(1, 80) n RETURNING id
       ), all_of_them AS (SELECT id FROM made UNION ALL SELECT $3::uuid)
       INSERT INTO memory.kg_relations (id, tenant_id, agent_id, source_entity_id, relation_type, target_entity_id)
       SELECT gen_random_uuid(), $1, $2, a.id, 'knows', b.id FROM all_of_them a, all_of_them b WHERE a.id < b.id`,
      [caller.tenantId, agent.id, hub],
    )
    const reached = await walk({ entity_id: hub, max_depth: 3 })
    expect(reached).toHaveLength(5_000)
    expect(reached.filter(({ depth }) => depth === 2)).toHaveLength(80)

    const statements: string[] = []
    const query = async (sql: string) => {
      statements.push(sql)
      return { rows: [] }
    }
    const recording = {
      forTenant: () => ({ query, transaction: (work: (session: object) => unknown) => work({ query }) }),
    }
    const rows = createGraphRows(recording as unknown as Pick<Database, 'forTenant'>)(caller.tenantId)
    await rows.walk({ agentId: agent.id, userIds: undefined }, hub, 2)
    expect(statements[0]).toBe('SET LOCAL statement_timeout = 5000')
  })
})

describe('a graph as a whole', () => {
  rule('getKgStats.countsByType', async () => {
    const { put, relate, ask } = fresh()
    expect((await ask('GET', '/stats')).body).toEqual({ entity_count: 0, relation_count: 0, entity_types: {} })
    const [a, b] = [await put('a'), await put('b')]
    await put('c', { entity_type: 'project' })
    await relate(a, 'knows', b)
    expect((await ask('GET', '/stats')).body).toEqual({
      entity_count: 3,
      relation_count: 1,
      entity_types: { person: 2, project: 1 },
    })
  })

  rule('getKgGraph.showsTheNewest', async () => {
    const { put, relate, ask } = fresh()
    const ids = []
    for (const name of ['a', 'b', 'c']) ids.push(await put(name))
    for (const type of ['r1', 'r2', 'r3', 'r4']) await relate(ids[0]!, type, ids[1]!)
    const { body } = await ask<{ entities: Shown[]; relations: Shown[] }>('GET', '/graph?limit=1')
    expect(body.entities.map(({ name }) => name)).toEqual(['c'])
    expect(body.relations.map(({ relation_type }) => relation_type)).toEqual(['r4', 'r3', 'r2'])
  })

  rule('getKgGraph.capsTheLimit', async () => {
    const { ask } = fresh()
    for (const limit of ['0', '-1', 'many']) expect((await ask('GET', `/graph?limit=${limit}`)).status).toBe(400)
    expect((await ask('GET', '/graph?limit=100000')).status).toBe(200)
  })

  it('goes with its agent', async () => {
    const { put, caller, agent, list } = fresh()
    await put('a')
    await harness.bus.publishDurable([outboxRow('agentDeleted', caller.tenantId, { id: agent.id, actorId: 'admin' })])
    await until(async () => (await list()).length === 0)
  })
})
