/** What is tried upstream at an administrator's wish, over HTTP, a real database and a fake vendor. */
import { newId } from '@clawmesh/chassis'
import type { Caller } from '@clawmesh/contracts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { startProviders, type ProvidersHarness } from './harness.ts'

let providers: ProvidersHarness
let fake: FakeUpstream
let admin: Caller
beforeAll(async () => {
  fake = await fakeOpenAi()
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

const onFake = (fields: Record<string, unknown> = {}) => providers.create(admin, { api_base: fake.base, ...fields })
const ask = (method: string, id: string, what: string, body?: unknown) =>
  providers.request(admin, method, `/v1/providers/${id}/${what}`, body)
const modelsOf = (id: string) => ask('GET', id, 'models')
const verify = (id: string, body?: unknown) => ask('POST', id, 'verify', body)
const verifyEmbedding = (id: string, body?: unknown) => ask('POST', id, 'verify-embedding', body)
const embeddingStatus = async () => (await providers.request(admin, 'GET', '/v1/embedding/status')).body
const idsIn = ({ body }: { body: Record<string, unknown> }) => (body['models'] as { id: string }[]).map(({ id }) => id)
const ok = (body: unknown) => ({ status: 200, body })

describe('models', () => {
  rule('listProviderModels.listsFixedModels', async () => {
    for (const [provider_type, api_key, first] of [
      ['chatgpt_oauth', '', 'gpt-5.4'],
      ['acp', '', 'claude'],
      ['suno', 'k', 'v4.5'],
    ])
      expect(idsIn(await modelsOf(await providers.create(admin, { provider_type, api_key })))[0]).toBe(first)
    const bailian = await onFake({ provider_type: 'bailian' })
    expect(idsIn(await modelsOf(bailian))).toContain('qwen3.5-plus')
    expect(fake.requests).toEqual([])
  })

  rule('listProviderModels.asksTheVendor', async () => {
    expect(idsIn(await modelsOf(await onFake()))).toEqual(['gpt-4o', 'gpt-5.4', 'gpt-4o-mini'])
    expect(fake.requests.map(({ path, headers }) => [path, headers['authorization']])).toEqual([
      ['/v1/models', 'Bearer sk-stored'],
    ])
  })

  it.each([{ status: 500 }, { status: 401 }, { fault: 'web_page' as const }, { fault: 'reset' as const }])(
    ruleName('listProviderModels.isEmptyWhenUpstreamFails', '%j'),
    async (script) => {
      const id = await onFake()
      fake.next(script)
      expect(await modelsOf(id)).toMatchObject(ok({ models: [] }))
    },
  )

  rule('listProviderModels.needsAKey', async () => {
    for (const provider_type of ['openai_compat', 'dashscope'])
      expect((await modelsOf(await onFake({ provider_type, api_key: '' }))).status).toBe(400)
    expect(fake.requests).toEqual([])
  })

  rule('listProviderModels.describesReasoning', async () => {
    const ids = ['vendor/GPT-5.1', 'gpt-5.1', 'gpt-5.1-preview', 'x']
    const id = await onFake()
    fake.next({ body: { data: ids.map((each) => ({ id: each })) } })
    const reasoning = { levels: ['none', 'low', 'medium', 'high'], default_effort: 'none' }
    const models = (await modelsOf(id)).body['models'] as { id: string; reasoning?: object }[]
    expect(models.map((model) => [model.id, model.reasoning])).toEqual([
      ['vendor/GPT-5.1', reasoning],
      ['gpt-5.1', reasoning],
      ['gpt-5.1-preview', undefined],
      ['x', undefined],
    ])
  })

  rule('listProviderModels.showsWhatIsKnown', async () => {
    const listedBy = async (provider_type: string, ids: string[]) => {
      const id = await onFake({ provider_type })
      fake.next({ body: { data: ids.map((each) => ({ id: each })) } })
      return (await modelsOf(id)).body['models']
    }
    const gpt = { context_window: 128_000, max_output_tokens: 16_384, abilities: ['images', 'tools'] }
    expect(await listedBy('openai_compat', ['GPT-4o-2024-11-20', 'mine'])).toEqual([
      { id: 'GPT-4o-2024-11-20', name: 'GPT-4o-2024-11-20', ...gpt },
      { id: 'mine', name: 'mine' },
    ])
    // What is known of a model that one provider serves is not said of another's.
    const llama = 'llama-3.1-8b-instant'
    expect(await listedBy('groq', [llama])).toMatchObject([{ context_window: 131_072 }])
    expect(await listedBy('openai_compat', [llama])).toEqual([{ id: llama, name: llama }])
  })

  rule('listProviderModels.showsReasoningDefaults', async () => {
    const high = { effort: 'high' }
    for (const [provider_type, reasoning_defaults, shown] of [
      ['chatgpt_oauth', high, { effort: 'high', fallback: 'downgrade' }],
      ['chatgpt_oauth', { fallback: 'off' }, { effort: 'off', fallback: 'off' }],
      ['chatgpt_oauth', { effort: 'off', fallback: 'downgrade' }, undefined],
      ['chatgpt_oauth', undefined, undefined],
      ['suno', high, undefined],
    ] as const) {
      const id = await providers.create(admin, { provider_type, settings: { reasoning_defaults } })
      expect((await modelsOf(id)).body['reasoning_defaults']).toEqual(shown)
    }
  })

  rule('listProviderModels.asksOllamaWithoutAKey', async () => {
    const id = await onFake({ provider_type: 'ollama', api_base: fake.origin, api_key: '' })
    expect(idsIn(await modelsOf(id))).toHaveLength(3)
  })
})

describe('verifying a chat', () => {
  rule('verifyProvider.answersEveryOutcome', async () => {
    const id = await onFake()
    for (const script of [{ status: 401 }, { status: 500 }, { fault: 'reset' as const }]) {
      fake.next(script)
      expect(await verify(id, { model: 'm' })).toMatchObject(ok({ valid: false, error: expect.any(String) as string }))
    }
    expect(await verify(id, { model: 'm' })).toMatchObject(ok({ valid: true }))
    expect((await verify(newId(), { model: 'm' })).status).toBe(404)
    expect((await verify('no-id', { model: 'm' })).status).toBe(400)
    expect((await verify(id, '{')).status).toBe(400)
  })

  rule('verifyProvider.sendsOneSmallMessage', async () => {
    const id = await onFake()
    await verify(id, { model: 'm' })
    fake.next({ status: 500 })
    await verify(id, { model: 'm' })
    expect(fake.requests).toHaveLength(2)
    for (const { body } of fake.requests) {
      expect(body).toMatchObject({ model: 'm', messages: [{ role: 'user', content: 'hi' }] })
      expect(body['max_tokens'] ?? body['max_completion_tokens']).toBe(50)
      expect(body).not.toHaveProperty('tools')
    }
  })

  rule('verifyProvider.triesTheDefaultModel', async () => {
    const id = await onFake()
    for (const body of [undefined, {}, { model: '' }]) expect((await verify(id, body)).body).toEqual({ valid: true })
    expect(fake.requests.map(({ body }) => body['model'])).toEqual(['gpt-4o', 'gpt-4o', 'gpt-4o'])
    expect((await verify(await onFake({ provider_type: 'yescale' }))).status).toBe(400)
  })

  rule('verifyProvider.checksClaudeCliByName', async () => {
    const id = await providers.create(admin, { provider_type: 'claude_cli' })
    for (const model of ['sonnet', 'opus', 'haiku']) expect((await verify(id, { model })).body).toEqual({ valid: true })
    expect((await verify(id, { model: 'gpt-4o' })).body).toEqual({
      valid: false,
      error: expect.stringContaining('sonnet, opus, haiku') as string,
    })
  })

  rule('verifyProvider.looksForAcpPrograms', async () => {
    const verified = async (api_base: string) =>
      (await verify(await providers.create(admin, { provider_type: 'acp', api_key: '', api_base }))).body
    expect(await verified(process.execPath)).toEqual({ valid: true })
    expect(await verified('/nowhere/agent')).toEqual({ valid: false, error: 'binary not found: agent' })
  })

  rule('verifyProvider.refusesTypesThatCannotChat', async () => {
    for (const provider_type of ['suno']) {
      const { status, body } = await verify(await providers.create(admin, { provider_type }), { model: 'm' })
      expect([status, body['valid'], body['error']]).toEqual([200, false, expect.stringContaining(provider_type)])
    }
  })

  rule('verifyProvider.saysWhatIsNotRegistered', async () => {
    for (const fields of [{ enabled: false }, { api_key: '' }])
      expect((await verify(await onFake(fields), { model: 'm' })).body).toEqual({
        valid: false,
        error: 'provider not registered: main',
      })
    expect(fake.requests).toEqual([])
  })

  it.each([
    'veo-3',
    'google/veo-3',
    'DALL-E-3',
    'imagen-4',
    'gemini-2.5-flash-image',
    'grok-imagine-1',
    'xai/grok-2-image',
  ])(ruleName('verifyProvider.acceptsGenerativeModels', '%s'), async (model) => {
    const { body } = await verify(await onFake(), { model })
    expect(body).toEqual({ valid: true, note: expect.stringMatching(/./) as string })
    expect(fake.requests).toEqual([])
  })

  rule('verifyProvider.usesTheNamedProvider', async () => {
    await onFake({ name: 'first', api_key: 'sk-first' })
    await verify(await onFake({ name: 'second', api_key: 'sk-second' }), { model: 'm' })
    expect(fake.requests.map(({ headers }) => headers['authorization'])).toEqual(['Bearer sk-second'])
  })

  rule('verifyProvider.givesAReadableReason', async () => {
    const id = await onFake({ api_key: 'sk-very-secret-0123456789' })
    fake.next({ status: 400, error: { message: 'The model m does not exist for sk-very-secret-0123456789' } })
    const error = String((await verify(id, { model: 'm' })).body['error'])
    expect(error).toContain('The model m does not exist')
    expect(error).not.toMatch(/[{}]|sk-very-secret/)
  })
})

describe('verifying embeddings', () => {
  rule('verifyProviderEmbedding.embedsOneWord', async () => {
    const id = await onFake()
    for (const body of [undefined, {}]) expect((await verifyEmbedding(id, body)).body).toMatchObject({ valid: true })
    expect(fake.requests.map(({ body }) => body['input'])).toEqual([['test'], ['test']])
    fake.next({ status: 400 })
    const failed = await verifyEmbedding(id)
    expect(failed).toMatchObject(ok({ valid: false, error: expect.any(String) as string }))
    expect((await verifyEmbedding(newId())).status).toBe(404)
  })

  rule('verifyProviderEmbedding.prefersTheBodysModel', async () => {
    const elsewhere = await fakeOpenAi()
    const embedding = { model: 'of-settings', api_base: elsewhere.base }
    const configured = await onFake({ name: 'configured', settings: { embedding } })
    await verifyEmbedding(configured)
    await verifyEmbedding(configured, { model: 'of-body' })
    await verifyEmbedding(await onFake())
    const modelsAt = ({ requests }: FakeUpstream) => requests.map(({ body }) => body['model'])
    expect([modelsAt(elsewhere), modelsAt(fake)]).toEqual([['of-settings', 'of-body'], ['text-embedding-3-small']])
    await elsewhere.close()
  })

  rule('verifyProviderEmbedding.sendsSensibleDimensions', async () => {
    const id = await onFake({ settings: { embedding: { dimensions: 16 } } })
    for (const dimensions of [32, 0, undefined, 8193]) await verifyEmbedding(id, { dimensions })
    expect(fake.requests.map(({ body }) => body['dimensions'])).toEqual([32, 16, 16, undefined])
  })

  rule('verifyProviderEmbedding.refusesTypesThatCannotEmbed', async () => {
    for (const provider_type of ['anthropic_native', 'suno'])
      expect((await verifyEmbedding(await onFake({ provider_type }))).body).toEqual({
        valid: false,
        error: 'provider type does not support embeddings',
      })
    expect(fake.requests).toEqual([])
  })

  rule('verifyProviderEmbedding.flagsOtherWidths', async () => {
    const id = await onFake()
    expect((await verifyEmbedding(id, { dimensions: 1536 })).body).toEqual({ valid: true, dimensions: 1536 })
    expect((await verifyEmbedding(id, { dimensions: 8 })).body).toEqual({
      valid: true,
      dimensions: 8,
      dimension_mismatch: true,
    })
    fake.next({ status: 400 })
    expect((await verifyEmbedding(id)).body).not.toHaveProperty('dimension_mismatch')
  })
})

describe('the status of embeddings', () => {
  const embedding = { enabled: true }

  rule('getEmbeddingStatus.prefersTheConfiguration', async () => {
    await onFake({ name: 'a', settings: { embedding } })
    await onFake({ name: 'z', display_name: 'Shown', settings: { embedding: { model: 'of-settings' } } })
    providers.configs.set(admin.tenantId, { 'embedding.provider': 'z', 'embedding.model': 'of-config' })
    expect(await embeddingStatus()).toEqual({ configured: true, provider: 'z', provider_name: 'z', model: 'of-config' })
  })

  rule('getEmbeddingStatus.takesTheFirstThatEmbeds', async () => {
    expect(await embeddingStatus()).toEqual({ configured: false })
    await onFake({ name: 'a', settings: { embedding: { enabled: false } } })
    await onFake({ name: 'b', enabled: false, settings: { embedding } })
    await onFake({ name: 'c', provider_type: 'anthropic_native', settings: { embedding } })
    expect(await embeddingStatus()).toEqual({ configured: false })
    await onFake({ name: 'e', settings: { embedding } })
    await onFake({ name: 'd', display_name: 'Shown', settings: { embedding: { enabled: true, model: 'wide' } } })
    expect(await embeddingStatus()).toEqual({ configured: true, provider: 'Shown', provider_name: 'd', model: 'wide' })
  })

  rule('getEmbeddingStatus.callsNobody', async () => {
    await onFake({ settings: { embedding } })
    expect(await embeddingStatus()).toEqual({
      configured: true,
      provider_name: 'main',
      model: 'text-embedding-3-small',
    })
    expect(fake.requests).toEqual([])
  })
})
