import type { Caller } from '@clawmesh/contracts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import { fakeOpenAi, fakeVector } from '../../../test/fakes/openai.ts'
import { rule } from '../../../test/support/rule.ts'
import { startProviders, type ProvidersHarness } from './harness.ts'

type Body = Record<string, any>

let providers: ProvidersHarness
let fake: FakeUpstream
let caller: Caller
beforeAll(async () => {
  fake = await fakeOpenAi()
  providers = await startProviders()
  caller = providers.admin()
  const settings = { embedding: { enabled: true, model: 'own', dimensions: 4 } }
  await providers.create(caller, { api_base: fake.base, settings })
})
beforeEach(() => {
  fake.requests.length = 0
})
afterAll(async () => {
  await providers.stop()
  await fake.close()
})

const embed = (body: object, as = caller) => providers.request<Body>(as, 'POST', '/v1/embeddings', body)
const vectorsOf = ({ body }: { body: Body }) => body['data'].map(({ embedding }: Body) => embedding)
const asked = () => fake.requests.at(-1)!.body

rule('createEmbedding.embedsTexts', async () => {
  const texts = Array.from({ length: 150 }, (_, at) => `text ${at}`)
  const { status, body, headers } = await embed({ model: 'm', input: texts })
  expect(status).toBe(200)
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(body).toEqual({
    object: 'list',
    data: texts.map((text, index) => ({ object: 'embedding', index, embedding: fakeVector(text, 8) })),
    model: 'm',
    usage: { prompt_tokens: 300, total_tokens: 300 },
  })
  expect(vectorsOf(await embed({ model: 'm', input: 'one' }))).toEqual([fakeVector('one', 8)])
  for (const input of ['', [], [''], Array(2_049).fill('x')]) expect((await embed({ input })).status).toBe(400)
})

rule('createEmbedding.usesTheTenantsProvider', async () => {
  for (const [model, expected] of [
    ['', 'own'],
    ['goclaw:default', 'own'],
    ['own', 'own'],
    ['text-embedding-3-large', 'text-embedding-3-large'],
  ]) {
    expect((await embed({ model, input: 'x' })).body['model']).toBe(expected)
    expect(asked()['model']).toBe(expected)
  }
})

rule('createEmbedding.answers412WithoutProvider', async () => {
  const { status, body } = await embed({ input: 'x' }, providers.admin())
  expect([status, body['error'].type]).toEqual([412, 'invalid_request_error'])
})

rule('createEmbedding.takesDimensions', async () => {
  const widthOf = async (body: object) => vectorsOf(await embed({ input: 'x', ...body }))[0].length
  expect(await widthOf({})).toBe(4)
  expect(await widthOf({ dimensions: 6 })).toBe(6)
  expect(await widthOf({ model: 'other' })).toBe(8)
  expect((await embed({ input: 'x', dimensions: 0 })).status).toBe(400)
})

rule('createEmbedding.encodesBase64', async () => {
  const [encoded] = vectorsOf(await embed({ input: 'x', encoding_format: 'base64' }))
  const bytes = Buffer.from(encoded, 'base64')
  const values = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4))
  expect(values).toEqual([...new Float32Array(fakeVector('x', 4))])
})

rule('createEmbedding.refusesTokens', async () => {
  for (const input of [
    [1, 2],
    [[1], [2]],
  ]) {
    const { status, body } = await embed({ input })
    expect([status, body['error'].param]).toEqual([400, 'input'])
    expect(body['error'].message).toContain('tokens')
  }
  expect(fake.requests).toEqual([])
})

rule('createEmbedding.refusesUnknownParameters', async () => {
  const { status, body } = await embed({ input: 'x', truncate: 'END' })
  expect([status, body['error']]).toMatchObject([400, { code: 'unknown_parameter', param: 'truncate' }])
})

rule('createEmbedding.answersProviderErrors', async () => {
  fake.next({ status: 429, headers: { 'retry-after': '72000' } })
  expect((await embed({ input: 'x' })).status).toBe(429)
  fake.next({ status: 404, error: { message: 'no such model' } })
  expect((await embed({ model: 'gone', input: 'x' })).status).toBe(404)
})

rule('createEmbedding.nestsErrors', async () => {
  const { status, body } = await embed({ input: 7 })
  expect(status).toBe(400)
  expect(body).toEqual({
    error: { message: expect.any(String), type: 'invalid_request_error', code: 'INVALID_REQUEST', param: 'input' },
  })
})
