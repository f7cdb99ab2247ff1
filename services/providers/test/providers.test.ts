/** Stored providers, over HTTP and a real database. */
import { newId } from '@clawmesh/chassis'
import { masterTenantId, type Caller } from '@clawmesh/contracts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { until } from '../../../test/support/eventually.ts'
import { startProviders, type ProvidersHarness } from './harness.ts'
import { doneOf, errorOf } from './support.ts'

let providers: ProvidersHarness
let fake: FakeUpstream
let admin: Caller
beforeAll(async () => {
  fake = await fakeOpenAi({ text: 'from here' })
  providers = await startProviders()
})
beforeEach(() => {
  admin = providers.admin()
  fake.requests.length = 0
})
afterAll(async () => {
  await providers.stop()
  await fake.close()
})

const noSuch = newId()
const serves = async (name: string) => doneOf(await providers.chat(admin, name)).content === 'from here'
const refusal = async (name: string) => errorOf(await providers.chat(admin, name)).code
const keyState = async (id: string) => (await providers.get(admin, id))['has_key']

/** The names and actors of the events about a provider, once there are as many as wanted. */
const eventsOf = async (id: string, count: number): Promise<unknown[]> => {
  const found = () => providers.events.filter(({ data }) => (data as { id?: string }).id === id)
  await until(() => found().length >= count)
  return found().map(({ type, data }) => [type.split('.').slice(-2).join('.'), (data as { actorId: string }).actorId])
}

describe('listing', () => {
  rule('listProviders.isForAdmins', async () => {
    const operator = testCaller({ role: 'operator' })
    expect((await providers.request(operator, 'GET', '/v1/providers')).status).toBe(403)
  })

  rule('listProviders.ordersByName', async () => {
    const names = Array.from({ length: 60 }, (_, at) => `p${String((at * 37) % 60).padStart(2, '0')}`)
    for (const name of names) await providers.create(admin, { name })
    expect((await providers.list(admin)).map(({ name }) => name)).toEqual(names.toSorted())
  })

  rule('listProviders.listsOwnTenantOnly', async () => {
    const master = testCaller({ role: 'admin', tenantId: masterTenantId })
    const id = await providers.create(master, { name: 'of-master' })
    await providers.create(providers.admin(), { name: 'of-another' })
    await providers.create(admin, { name: 'mine' })
    expect((await providers.list(admin)).map(({ name }) => name)).toEqual(['mine'])
    await providers.remove(master, id)
  })

  rule('listProviders.masksKeys', async () => {
    await providers.create(admin, { name: 'a', api_key: 'sk-very-secret' })
    await providers.create(admin, { name: 'b', api_key: '' })
    const [keyed, keyless] = await providers.list(admin)
    expect(keyed).toMatchObject({
      api_key: '***',
      has_key: true,
      type: 'openai_compat',
      provider_type: 'openai_compat',
    })
    expect(keyless).toMatchObject({ has_key: false })
    expect(keyless).not.toHaveProperty('api_key')
  })

  rule('listProviders.isAnArrayWhenEmpty', async () => {
    expect(await providers.list(admin)).toEqual([])
  })
})

describe('creating', () => {
  rule('createProvider.overwritesSameName', async () => {
    const id = await providers.create(admin, { display_name: 'Old', api_base: fake.base, settings: { a: 1 } })
    const { status, body } = await providers.post(admin, { provider_type: 'groq', enabled: false })
    expect([status, body['id']]).toEqual([201, id])
    const stored = await providers.get(admin, id)
    expect(stored).toMatchObject({ provider_type: 'groq', enabled: false })
    for (const gone of ['display_name', 'api_base', 'settings']) expect(stored).not.toHaveProperty(gone)
    expect(await providers.list(admin)).toHaveLength(1)
  })

  rule('createProvider.clearsAnOmittedKey', async () => {
    const id = await providers.create(admin)
    expect(await keyState(id)).toBe(true)
    await providers.create(admin, { api_key: undefined })
    expect(await keyState(id)).toBe(false)
  })

  rule('createProvider.keepsAMaskedKeyInItsPlace', async () => {
    const base = { api_base: fake.base }
    const id = await providers.create(admin, base)
    await providers.create(admin, { api_base: `${fake.base}/`, api_key: '***' })
    expect(await keyState(id)).toBe(true)
    await providers.create(admin, { api_base: 'https://elsewhere.example/v1', api_key: '***' })
    expect(await keyState(id)).toBe(false)
    await providers.create(admin, base)
    await providers.create(admin, { ...base, provider_type: 'groq', api_key: '***' })
    expect(await keyState(id)).toBe(false)
    expect(await keyState(await providers.create(admin, { name: 'new', api_key: '***' }))).toBe(false)
  })

  rule('createProvider.defaultsToEnabled', async () => {
    expect((await providers.post(admin)).body['enabled']).toBe(true)
    expect((await providers.post(admin, { enabled: false })).body['enabled']).toBe(false)
  })

  rule('createProvider.takesTheShortNameOfMinimax', async () => {
    const { body } = await providers.post(admin, { provider_type: 'minimax' })
    expect([body['provider_type'], body['type']]).toEqual(['minimax_native', 'minimax_native'])
  })

  rule('createProvider.ignoresWhatTheServerSets', async () => {
    const given = { id: newId(), tenant_id: newId(), created_at: '2001-01-01T00:00:00Z' }
    const { body } = await providers.post(admin, { ...given, updated_at: given.created_at })
    expect(body['tenant_id']).toBe(admin.tenantId)
    expect(body['id']).not.toBe(given.id)
    for (const time of ['created_at', 'updated_at']) expect(String(body[time])).not.toContain('2001')
  })

  rule('createProvider.hasOneClaudeCli', async () => {
    const cli = { provider_type: 'claude_cli', api_key: undefined }
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => providers.post(admin, { ...cli, name })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
    const [stored] = await providers.list(admin)
    expect((await providers.post(admin, { ...cli, name: stored!['name'] })).status).toBe(201)
    expect((await providers.post(providers.admin(), cli)).status).toBe(201)
  })

  rule('createProvider.sealsTheKey', async () => {
    const { body } = await providers.post(admin, { api_key: 'sk-very-secret' })
    const { rows } = await providers.mesh
      .database('providers')
      .pool.query<{ row: string }>('SELECT p::text AS row FROM providers.llm_providers p WHERE id = $1', [body['id']])
    expect(rows[0]!.row).toContain('mesh2:')
    expect(rows[0]!.row + JSON.stringify([body, await providers.list(admin)])).not.toContain('sk-very-secret')
  })

  rule('createProvider.servesAtOnce', async () => {
    expect(await refusal('main')).toBe('FAILED_PRECONDITION')
    await providers.create(admin, { api_base: fake.base })
    expect(await serves('main')).toBe(true)
    expect(fake.requests.at(-1)!.headers['authorization']).toBe('Bearer sk-stored')
  })

  rule('createProvider.isAnEvent', async () => {
    const id = await providers.create(admin)
    expect(await eventsOf(id, 1)).toEqual([['provider.created', 'alice']])
  })

  rule('createProvider.guardsAddresses', async () => {
    for (const address of [
      'http://10.0.0.1',
      'http://169.254.169.254/v1',
      'http://[::ffff:10.0.0.1]/',
      'ftp://x.example',
    ])
      for (const fields of [{ api_base: address }, { settings: { embedding: { api_base: address } } }])
        expect((await providers.post(admin, fields)).status).toBe(400)
    expect(await providers.list(admin)).toEqual([])
  })

  rule('createProvider.takesPrograms', async () => {
    for (const [type, base, status] of [
      ['acp', 'gemini', 201],
      ['acp', '/opt/bin/agent', 201],
      ['acp', 'bash', 400],
      ['claude_cli', 'claude', 201],
      ['claude_cli', 'codex', 400],
      ['claude_cli', '/opt/bin/claude', 201],
      ['openai_compat', 'claude', 400],
    ] as const) {
      const answer = await providers.post(admin, { provider_type: type, api_base: base })
      expect([type, base, answer.status]).toEqual([type, base, status])
    }
  })

  it.each([
    ['no name', { name: undefined }],
    ['no type', { provider_type: undefined }],
    ['a name with capitals', { name: 'Main' }],
    ['a long name', { name: 'a'.repeat(51) }],
    ['an unknown type', { provider_type: 'constructor' }],
  ])(ruleName('createProvider.checksTheBody', '%s'), async (_, fields) => {
    expect((await providers.post(admin, fields)).status).toBe(400)
    expect(await providers.list(admin)).toEqual([])
  })
})

describe('reading', () => {
  rule('getProvider.isOfItsTenantOnly', async () => {
    const id = await providers.create(admin)
    const codes = [await providers.get(providers.admin(), id), await providers.get(admin, noSuch)].map((b) => b['code'])
    expect(codes).toEqual(['NOT_FOUND', 'NOT_FOUND'])
    expect(await providers.get(admin, id)).toMatchObject({ id, name: 'main' })
  })

  rule('getProvider.showsSettingsAsStored', async () => {
    const settings = { account_id: 'acc', expires_at: 1_700_000_000, nested_thing: { some_key: [1, null] } }
    expect((await providers.get(admin, await providers.create(admin, { settings })))['settings']).toEqual(settings)
  })
})

describe('updating', () => {
  rule('updateProvider.changesGivenFieldsOnly', async () => {
    const id = await providers.create(admin, { display_name: 'Shown', settings: { a: 1 } })
    const before = await providers.get(admin, id)
    expect((await providers.put(admin, id, { enabled: false })).body).toEqual({ status: 'updated' })
    const after = await providers.get(admin, id)
    expect(after).toEqual({ ...before, enabled: false, updated_at: after['updated_at'] })
  })

  rule('updateProvider.keepsAMaskedOrEmptyKey', async () => {
    const id = await providers.create(admin, { api_base: fake.base })
    for (const api_key of ['***', '']) expect((await providers.put(admin, id, { api_key })).status).toBe(200)
    await serves('main')
    await providers.put(admin, id, { api_key: 'sk-new' })
    await serves('main')
    expect(fake.requests.map(({ headers }) => headers['authorization'])).toEqual(['Bearer sk-stored', 'Bearer sk-new'])
  })

  it.each([
    { api_base: 'http://localhost:9/v1' },
    { base_url: 'http://localhost:9/v1', api_key: '***' },
    { api_base: '', api_key: '' },
    { settings: { embedding: { api_base: 'http://localhost:9/v1' } } },
  ])(ruleName('updateProvider.losesTheKeyWithItsAddress', '%j'), async (fields) => {
    const id = await providers.create(admin, { api_base: fake.base })
    await providers.put(admin, id, { api_base: `${fake.base}/`, settings: { embedding: { api_base: fake.base } } })
    expect(await keyState(id)).toBe(true)
    await providers.put(admin, id, fields)
    expect([await keyState(id), await refusal('main')]).toEqual([false, 'FAILED_PRECONDITION'])
    await providers.put(admin, id, { api_base: fake.base, api_key: 'sk-again' })
    expect(await keyState(id)).toBe(true)
    expect(await serves('main')).toBe(true)
  })

  rule('updateProvider.replacesSettings', async () => {
    const id = await providers.create(admin, { settings: { a: 1, b: { c: 2 } } })
    await providers.put(admin, id, { settings: { b: { d: 3 } } })
    expect((await providers.get(admin, id))['settings']).toEqual({ b: { d: 3 } })
  })

  rule('updateProvider.ignoresUnknownFields', async () => {
    const id = await providers.create(admin)
    const before = await providers.get(admin, id)
    const older = {
      default_model: 'm',
      extra_headers: {},
      config: 1,
      display_order: 3,
      tenant_id: newId(),
      nonsense: [],
    }
    expect((await providers.put(admin, id, older)).status).toBe(200)
    const after = await providers.get(admin, id)
    expect(after).toEqual({ ...before, updated_at: after['updated_at'] })
  })

  rule('updateProvider.keepsTheType', async () => {
    const id = await providers.create(admin)
    expect((await providers.put(admin, id, { provider_type: 'openai_compat', enabled: false })).status).toBe(200)
    expect((await providers.put(admin, id, { provider_type: 'groq', enabled: true })).status).toBe(400)
    expect(await providers.get(admin, id)).toMatchObject({ provider_type: 'openai_compat', enabled: false })
  })

  rule('updateProvider.takesBaseUrl', async () => {
    const id = await providers.create(admin)
    await providers.put(admin, id, { base_url: 'https://one.example/v1' })
    expect((await providers.get(admin, id))['api_base']).toBe('https://one.example/v1')
    await providers.put(admin, id, { base_url: 'https://one.example/v1', api_base: 'https://two.example/v1' })
    expect((await providers.get(admin, id))['api_base']).toBe('https://two.example/v1')
    expect((await providers.put(admin, id, { base_url: 'http://10.0.0.1/' })).status).toBe(400)
  })

  rule('updateProvider.checksPoolsAsTheyWillBe', async () => {
    const account = { provider_type: 'chatgpt_oauth', api_key: undefined }
    const member = await providers.create(admin, { ...account, name: 'member' })
    const owner = await providers.create(admin, { ...account, name: 'owner' })
    const pool = (extra_provider_names: string[]) => ({ settings: { codex_pool: { extra_provider_names } } })
    expect((await providers.put(admin, owner, pool(['stranger']))).status).toBe(400)
    expect((await providers.put(admin, owner, pool(['member']))).status).toBe(200)
    for (const fields of [{ name: 'renamed' }, { enabled: false }, pool([])])
      expect((await providers.put(admin, member, fields)).status).toBe(400)
    expect((await providers.put(admin, await providers.create(admin), pool([]))).status).toBe(400)
    expect((await providers.put(admin, member, { api_base: 'http://10.0.0.1' })).status).toBe(400)
  })

  rule('updateProvider.servesUnderItsNewNameAtOnce', async () => {
    const id = await providers.create(admin, { api_base: fake.base })
    expect(await serves('main')).toBe(true)
    await providers.put(admin, id, { name: 'renamed' })
    expect([await refusal('main'), await serves('renamed')]).toEqual(['FAILED_PRECONDITION', true])
    await providers.put(admin, id, { enabled: false })
    expect(await refusal('renamed')).toBe('FAILED_PRECONDITION')
  })

  rule('updateProvider.isAnEvent', async () => {
    const id = await providers.create(admin)
    await providers.create(admin, { name: 'taken' })
    expect((await providers.put(admin, id, { name: 'taken' })).status).toBe(409)
    expect((await providers.put(admin, noSuch, { name: 'free' })).status).toBe(404)
    await providers.put(admin, id, { display_name: 'x' })
    expect(await eventsOf(id, 2)).toEqual([
      ['provider.created', 'alice'],
      ['provider.updated', 'alice'],
    ])
  })
})

describe('deleting', () => {
  rule('deleteProvider.acceptsAnUnknownId', async () => {
    const id = await providers.create(admin)
    for (const [caller, gone] of [
      [admin, noSuch],
      [providers.admin(), id],
    ] as const)
      expect(await providers.remove(caller, gone)).toMatchObject({ status: 200, body: { status: 'deleted' } })
    expect(await providers.list(admin)).toHaveLength(1)
  })

  rule('deleteProvider.servesNoMore', async () => {
    const id = await providers.create(admin, { api_base: fake.base })
    expect(await serves('main')).toBe(true)
    await providers.remove(admin, id)
    expect(await refusal('main')).toBe('FAILED_PRECONDITION')
    await providers.create(admin, { api_base: fake.base })
    expect(await serves('main')).toBe(true)
  })

  rule('deleteProvider.isAnEventOnce', async () => {
    const id = await providers.create(admin)
    await Promise.all([providers.remove(admin, id), providers.remove(admin, id)])
    const last = await providers.create(admin)
    // Events come in their order: with a later one there, all about the first have come.
    await eventsOf(last, 1)
    expect(await eventsOf(id, 2)).toEqual([
      ['provider.created', 'alice'],
      ['provider.deleted', 'alice'],
    ])
  })

  rule('deleteProvider.leavesOthers', async () => {
    const id = await providers.create(admin, { name: 'goes' })
    const stays = await providers.create(admin, { name: 'stays' })
    const before = await providers.get(admin, stays)
    await providers.remove(admin, id)
    expect(await providers.list(admin)).toEqual([before])
  })
})
