import { embed } from '../src/embeddings/embed.ts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import { fakeOpenAi, fakeVector } from '../../../test/fakes/openai.ts'
import { connectionTo, testKey, testOptions } from './support.ts'

let fake: FakeUpstream
const options = testOptions()
beforeAll(async () => {
  fake = await fakeOpenAi()
})
beforeEach(() => {
  fake.requests.length = 0
})
afterAll(async () => {
  await options.fetcher.destroy()
  await fake.close()
})

describe('embedding', () => {
  it('keeps the order of the texts, in batches of at most 100', async () => {
    const texts = Array.from({ length: 250 }, (_, at) => `text ${at}`)
    const { vectors, model, inputTokens } = await embed(
      connectionTo(fake.base),
      { texts, model: '', dimensions: 0 },
      options,
    )
    expect(vectors.map(({ values }) => values)).toEqual(texts.map((text) => fakeVector(text, 8)))
    expect([model, inputTokens]).toEqual(['text-embedding-3-small', 500])
    expect(fake.requests.map(({ body }) => (body['input'] as string[]).length)).toEqual([100, 100, 50])
    expect(fake.requests[0]!.body).toEqual({ input: texts.slice(0, 100), model: 'text-embedding-3-small' })
    expect(fake.requests[0]!.headers['authorization']).toBe(`Bearer ${testKey}`)
  })

  it('asks for nothing when there are no texts', async () => {
    expect((await embed(connectionTo(fake.base), { texts: [], model: 'm', dimensions: 4 }, options)).vectors).toEqual(
      [],
    )
    expect(fake.requests).toHaveLength(0)
  })

  it('uses the model and base of the settings, and sends dimensions from 1 to 8192 only', async () => {
    const connection = connectionTo('http://127.0.0.1:1', {
      settings: { embedding: { model: 'own', api_base: fake.base } },
    })
    for (const dimensions of [1536, 0, 9000]) await embed(connection, { texts: ['a'], model: '', dimensions }, options)
    expect(fake.requests.map(({ body }) => [body['model'], body['dimensions']])).toEqual([
      ['own', 1536],
      ['own', undefined],
      ['own', undefined],
    ])
  })

  it('tries again as a chat does, and reports the same errors', async () => {
    fake.next({ status: 503 }, { fault: 'reset' })
    expect(
      (await embed(connectionTo(fake.base), { texts: ['a'], model: '', dimensions: 0 }, options)).vectors,
    ).toHaveLength(1)
    fake.next({ status: 401, error: { message: `no ${testKey}` } })
    await expect(
      embed(connectionTo(fake.base), { texts: ['a'], model: '', dimensions: 0 }, options),
    ).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      key: 'error.provider_credentials',
    })
  })

  it.each([
    ['too few vectors', { data: [{ index: 0, embedding: [1] }] }],
    [
      'an index twice',
      {
        data: [
          { index: 0, embedding: [1] },
          { index: 0, embedding: [1] },
        ],
      },
    ],
    [
      'an index out of range',
      {
        data: [
          { index: 0, embedding: [1] },
          { index: 7, embedding: [1] },
        ],
      },
    ],
    [
      'something else than vectors',
      {
        data: [
          { index: 0, embedding: 'AAAA' },
          { index: 1, embedding: [1] },
        ],
      },
    ],
    ['vectors of different widths', { data: [{ embedding: [1] }, { embedding: [1, 2] }] }],
    ['no data', {}],
  ])('refuses an answer with %s', async (_what, body) => {
    fake.next({ body })
    await expect(
      embed(connectionTo(fake.base), { texts: ['a', 'b'], model: '', dimensions: 0 }, options),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      key: 'error.provider_request_failed',
    })
  })

  it('is not for types without embeddings', async () => {
    for (const type of ['anthropic_native', 'claude_cli', 'acp', 'chatgpt_oauth', 'suno', 'mock'])
      await expect(
        embed(connectionTo(fake.base, { type }), { texts: ['a'], model: '', dimensions: 0 }, options),
      ).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        key: 'error.provider_unsupported',
      })
  })
})
