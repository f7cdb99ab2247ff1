/** Media made by vendors that speak their true protocols, and who of a tenant's providers is asked. */
import { closeGuardedFetch } from '@clawmesh/chassis/fetch'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { MakeMediaRequest, ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import {
  fakeMedia,
  madeAudio,
  madeImage,
  madeVideo,
  type FakeMedia,
  type MediaVendor,
} from '../../../test/fakes/media.ts'
import { privateHosts, refusedAddresses } from '../../../test/support/refused-addresses.ts'
import { createVendorClient } from '../src/media/vendor-client.ts'
import { connectionType } from '../src/providers/connection.ts'
import { startProviders, type ProvidersHarness } from './harness.ts'
import { connectionTo, testOptions } from './support.ts'

let vendors: FakeMedia
let providers: ProvidersHarness
let caller: Caller

beforeAll(async () => {
  vendors = await fakeMedia()
  providers = await startProviders({ CLAWMESH_PROVIDER_MEDIA_POLL_MS: '5' })
})
afterAll(async () => {
  await providers.stop()
  await closeGuardedFetch()
  await vendors.stop()
})
beforeEach(() => {
  caller = providers.admin()
  Object.assign(vendors, { fault: {}, asked: [], fetched: [], waits: 1 })
})

const types: Partial<Record<MediaVendor, string>> = {
  gemini: 'gemini_native',
  openai: 'openai_compat',
  openrouter: 'openrouter',
  minimax: 'minimax_native',
  dashscope: 'dashscope',
  suno: 'suno',
}
const add = (vendor: MediaVendor) =>
  providers.create(caller, {
    name: vendor,
    provider_type: types[vendor],
    api_base: vendors.bases[vendor],
    api_key: vendors.keys[vendor],
  })

const make = async (vendor: MediaVendor, wanted: Partial<MakeMediaRequest>, signal?: AbortSignal): Promise<Buffer> => {
  const call = { ...providers.call(caller), ...(signal ? { signal } : {}) }
  const request = MakeMediaRequest.fromPartial({ provider: vendor, prompt: 'a red dot', attempts: 1, ...wanted })
  const pieces: Uint8Array[] = []
  let size = -1
  for await (const { part } of providers.rpc(ProvidersServiceService).makeMedia(call, request)) {
    if (part?.$case === 'head') size = part.value.size
    else if (part?.$case === 'data') pieces.push(part.value)
  }
  const bytes = Buffer.concat(pieces)
  expect(bytes.length).toBe(size)
  return bytes
}

type Wanted = Partial<MakeMediaRequest>
const offers: [vendor: MediaVendor, tool: string, model: string, made: Buffer, wanted: Wanted][] = [
  ['openai', 'create_image', 'gpt-image-1', madeImage, { aspectRatio: '9:16' }],
  ['openrouter', 'create_image', 'google/gemini-2.5-flash-image', madeImage, { aspectRatio: '3:4' }],
  ['gemini', 'create_image', 'gemini-2.5-flash-image', madeImage, { aspectRatio: '4:3' }],
  ['minimax', 'create_image', 'image-01', madeImage, { aspectRatio: '1:1' }],
  ['dashscope', 'create_image', 'wan2.6-t2i', madeImage, { aspectRatio: '16:9' }],
  ['gemini', 'create_video', 'veo-3.1-generate-preview', madeVideo, { aspectRatio: '9:16', durationS: 6 }],
  ['openrouter', 'create_video', 'google/veo-3.1', madeVideo, { aspectRatio: '16:9', durationS: 8 }],
  ['minimax', 'create_video', 'MiniMax-Hailuo-2.3', madeVideo, { aspectRatio: '16:9', durationS: 8 }],
  ['minimax', 'create_audio', 'music-2.5+', madeAudio, { lyrics: 'la la' }],
  ['suno', 'create_audio', 'v4.5', madeAudio, { lyrics: 'la la' }],
]
const named = offers.map(([vendor, tool, model, made, wanted]) => ({
  name: `${tool} of ${vendor}`,
  ...{ vendor, made, wanted: { tool, model, ...wanted } },
}))

describe('what vendors make', () => {
  test.each(named)('$name', async ({ vendor, made, wanted }) => {
    await add(vendor)
    vendors.waits = 2
    expect(await make(vendor, wanted)).toEqual(made)
    expect(vendors.asked.every((asked) => asked.vendor === vendor)).toBe(true)
  })

  test.each(named)('$name fails with what the vendor says, and never with its key', async ({ vendor, wanted }) => {
    await add(vendor)
    const failure = async (fault: FakeMedia['fault'][MediaVendor]): Promise<MeshError> => {
      vendors.fault = { [vendor]: fault }
      return make(vendor, wanted).then(
        () => Promise.reject(new Error(`${fault} made something`)),
        (thrown: unknown) => thrown as MeshError,
      )
    }
    const codes: Record<string, string> = {}
    for (const fault of [429, 500, 'garbage'] as const) {
      const thrown = await failure(fault)
      expect(`${thrown.message} ${String(thrown.cause)}`).not.toContain(vendors.keys[vendor])
      codes[fault] = thrown.code
    }
    expect(codes).toEqual({ 429: 'RESOURCE_EXHAUSTED', 500: 'UNAVAILABLE', garbage: 'UNAVAILABLE' })
    if (wanted.tool === 'create_video' || vendor === 'suno')
      expect((await failure('failed_job')).code).toBe('UNAVAILABLE')
    if (wanted.tool === 'create_video') expect((await failure('endless')).message).toContain('larger than')
  })

  test('an answer that is too long is not read to its end', async () => {
    await add('openai')
    vendors.fault = { openai: 'long_answer' }
    const made = make('openai', { tool: 'create_image', model: 'gpt-image-1' })
    await expect(made).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('a call that is given up leaves the vendor', async () => {
    await add('minimax')
    vendors.waits = Number.POSITIVE_INFINITY
    const leaving = new AbortController()
    const making = make('minimax', { tool: 'create_video', model: 'm', aspectRatio: '16:9' }, leaving.signal)
    setTimeout(() => leaving.abort(), 50)
    await expect(making).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  test('failures that may pass are tried again, as often as is asked', async () => {
    await add('openai')
    vendors.fault = { openai: 503 }
    await expect(make('openai', { tool: 'create_image', model: 'gpt-image-1', attempts: 2 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    // What the call before has asked on its way out may come late.
    expect(vendors.asked.filter(({ vendor }) => vendor === 'openai')).toHaveLength(2)
  })

  test('a key goes to its vendor alone', async () => {
    for (const vendor of ['gemini', 'dashscope'] as const) await add(vendor)
    await make('gemini', { tool: 'create_video', model: 'veo-3.1-generate-preview', aspectRatio: '16:9', durationS: 4 })
    await make('dashscope', { tool: 'create_image', model: 'wan2.6-t2i' })
    const [gemini, dashscope] = vendors.fetched
    expect(gemini!['x-goog-api-key']).toBe(vendors.keys.gemini)
    expect(JSON.stringify(dashscope)).not.toContain(vendors.keys.dashscope)
  })

  test('caps of the tenant refuse what is to be made, or count it', async () => {
    await add('openai')
    const { usage } = providers
    usage.capped = [{ scope: 'agent', subject: 'agent-1', hard: true }]
    const wanted = {
      tool: 'create_image',
      model: 'gpt-image-1',
      spender: { agentId: 'agent-1', userId: 'ann', beginsRun: false },
    }
    await make('openai', wanted)
    const subjects = { agent: 'agent-1', user: 'ann', provider: 'openai', model: 'gpt-image-1' }
    expect(usage.reserved).toMatchObject([{ subjects, outputTokens: 1_500, beginsRun: false }])
    expect(usage.settled).toMatchObject([{ outputTokens: 1_500, servedProvider: 'openai' }])
    usage.reserve = () => {
      throw new MeshError('QUOTA_EXHAUSTED', 'error.usage_cap_spent')
    }
    await expect(make('openai', wanted)).rejects.toMatchObject({ code: 'QUOTA_EXHAUSTED' })
    expect(vendors.asked).toHaveLength(1)
    Object.assign(usage, { capped: [], reserve: () => true })
  })

  test('what a type does not make is refused, as is what its vendor cannot', async () => {
    for (const vendor of ['suno', 'minimax'] as const) await add(vendor)
    await expect(make('suno', { tool: 'create_image', model: 'v4.5' })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
    })
    const tall = make('minimax', { tool: 'create_video', model: 'm', aspectRatio: '9:16' })
    await expect(tall).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    expect(vendors.asked).toEqual([])
  })
})

describe('who is asked', () => {
  const listed = async (tool: string, who = caller) =>
    (await providers.rpc(ProvidersServiceService).listMediaProviders(providers.call(who), { tool })).providers

  test('the usual ones come first in their order, and only those that can', async () => {
    for (const vendor of ['suno', 'minimax', 'openai', 'gemini', 'openrouter'] as const) await add(vendor)
    const shown = async (tool: string) =>
      (await listed(tool)).map(({ name, model, byDefault }) => [name, model, byDefault])
    expect(await shown('create_image')).toEqual([
      ['openrouter', 'google/gemini-2.5-flash-image', true],
      ['gemini', 'gemini-2.5-flash-image', true],
      ['openai', 'gpt-image-1', true],
      ['minimax', 'image-01', true],
    ])
    expect(await shown('create_audio')).toEqual([
      ['minimax', 'music-2.5+', true],
      ['suno', 'v4.5', false],
    ])
    expect((await shown('read_document')).slice(0, 2)).toEqual([
      ['gemini', 'gemini-2.5-flash', true],
      ['openrouter', 'anthropic/claude-sonnet-4-5-20250929', true],
    ])
    expect((await shown('read_video')).filter(([, , byDefault]) => byDefault)).toHaveLength(2)
    expect(await listed('nothing_known')).toEqual([])
  })

  test('a tenant is told of no provider of another, and of none that is off', async () => {
    await add('openai')
    const id = await add('gemini')
    await providers.put(caller, id, { enabled: false })
    expect((await listed('read_image')).map(({ name }) => name)).toEqual(['openai'])
    expect((await listed('read_image', providers.admin())).filter(({ name }) => name === 'openai')).toEqual([])
  })
})

test('what was made is fetched from no address that leads inside', async () => {
  const connection = connectionTo('https://vendor.example.org')
  const target = { connection, type: connectionType(connection), base: connection.apiBase, key: '' }
  const options = testOptions()
  const { download } = createVendorClient(target, { options, allow: [], pollMs: 1 })
  for (const url of [...privateHosts.map((host) => `http://${host}:1/`), ...refusedAddresses]) {
    const said = await download(url).then(
      () => 'fetched',
      (thrown: unknown) => String(thrown),
    )
    expect([url, said]).toEqual([url, expect.stringMatching(/not allowed|no address/)])
  }
  await options.fetcher.close()
})
