/** Speech by vendors that speak the true protocols. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWsMethods, loadConfigs } from '@clawmesh/chassis'
import { closeGuardedFetch } from '@clawmesh/chassis/fetch'
import { ttsVendors } from '@clawmesh/contracts'
import fc from 'fast-check'
import { audioFor, fakeSpeech, type FakeSpeech } from '../../../test/fakes/speech.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { toolsConfig } from '../src/index.ts'
import type { SpeechVendor, TtsVendor } from '../src/tts/types.ts'
import { createTtsUseCases } from '../src/tts/use-cases.ts'
import { piecesOf, xmlText } from '../src/tts/vendors/edge-words.ts'
import { vendorsOf, type TtsConfig } from '../src/tts/vendors/table.ts'
import { createTtsWs } from '../src/tts/ws.ts'
import { contextWith } from './context.ts'
import { runTool, toolRefusal } from './run-tool.ts'

let fake: FakeSpeech
let folder: string
beforeAll(async () => {
  fake = await fakeSpeech()
  folder = await mkdtemp(join(tmpdir(), 'clawmesh-tts-'))
})
afterAll(async () => {
  await closeGuardedFetch()
  await fake.stop()
  await rm(folder, { recursive: true })
})
beforeEach(() => {
  fake.fault = {}
  fake.asked = []
})

const defaults = loadConfigs({ tools: toolsConfig }, {}).tools
const allSetUp = (): TtsConfig => ({
  ...defaults,
  ttsOpenaiKey: fake.keys.openai,
  ttsOpenaiBase: `${fake.origin}/v1`,
  ttsElevenlabsKey: fake.keys.elevenlabs,
  ttsElevenlabsBase: fake.origin,
  ttsEdgeEnabled: true,
  ttsEdgeUrl: fake.edgeUrl,
  ttsMinimaxKey: fake.keys.minimax,
  ttsMinimaxGroupId: fake.keys.groupId,
  ttsMinimaxBase: `${fake.origin}/v1`,
})

interface Setting {
  config?: Partial<TtsConfig>
  /** System configs of the tenant. */
  stored?: Record<string, string>
  allow?: string[]
  vendors?: readonly SpeechVendor[]
}

const setUp = ({ config: more, stored = {}, allow = ['127.0.0.1'], vendors }: Setting = {}) => {
  const config = { ...allSetUp(), ...more }
  const tts = createTtsUseCases({
    config,
    vendors: vendors ?? vendorsOf(config),
    storedOf: async () => stored,
    knownOf: async () => stored,
    set: async (_call, key, value) => {
      stored[key] = value
    },
    out: { allow },
    onFailure: () => {},
  })
  const methods = createWsMethods([createTtsWs(tts)], { checkResponses: true })
  const caller = testCaller({ role: 'admin', credential: 'gateway-token' })
  const call = (signal = new AbortController().signal) => ({ caller, requestId: 'r', signal })
  const ask = (method: string, params: object = {}, signal?: AbortSignal) =>
    methods(call(signal), `tts.${method}`, params) as Promise<Record<string, unknown>>
  const convert = async (params: object, signal?: AbortSignal) => {
    const { audio, ...rest } = await ask('convert', { text: 'hello', ...params }, signal)
    return { said: Buffer.from(String(audio), 'base64').toString(), ...rest }
  }
  return { tts, ask, convert, stored, call }
}
const nobody: Partial<TtsConfig> = {
  ttsOpenaiKey: '',
  ttsElevenlabsKey: '',
  ttsEdgeEnabled: false,
  ttsMinimaxKey: '',
}
const order = () => fake.asked.map(({ vendor }) => vendor)

describe('what the tenant says', () => {
  rule('tts.status.tellsWhatTheTenantSays', async () => {
    expect(await setUp().ask('status')).toEqual({
      enabled: false,
      provider: 'openai',
      auto: 'off',
      mode: 'final',
      maxLength: 1_500,
      timeoutMs: 30_000,
      providers: ['openai', 'elevenlabs', 'edge', 'minimax'],
    })
    const own = { provider: 'edge', auto: 'tagged', mode: 'all', max_length: '9', timeout_ms: '5000' }
    const stored = Object.fromEntries(Object.entries(own).map(([key, value]) => [`tts.${key}`, value]))
    expect(await setUp({ stored }).ask('status')).toMatchObject({
      provider: 'edge',
      auto: 'tagged',
      mode: 'all',
      maxLength: 9,
      timeoutMs: 5_000,
    })
    const unreadable = Object.fromEntries(Object.keys(stored).map((key) => [key, '99999999 or so']))
    const config = { ttsProvider: 'minimax', ttsMaxLength: 7 } as const
    expect(await setUp({ config, stored: unreadable }).ask('status')).toMatchObject({
      provider: 'minimax',
      auto: 'off',
      maxLength: 7,
      timeoutMs: 30_000,
    })
  })

  rule('tts.status.isEnabledByAuto', async () => {
    for (const auto of ['always', 'inbound', 'tagged', 'off'])
      expect(await setUp({ stored: { 'tts.auto': auto } }).ask('status')).toMatchObject({
        enabled: auto !== 'off',
        auto,
      })
  })

  rule('tts.status.namesWhatIsSetUp', async () => {
    const config = { ttsElevenlabsKey: '', ttsProvider: 'minimax' } as const
    const status = await setUp({ config }).ask('status')
    expect(status['providers']).toEqual(['minimax', 'openai', 'edge'])
    expect(await setUp({ config: nobody }).ask('status')).toMatchObject({ provider: '', providers: [] })
    for (const key of Object.values(fake.keys).filter((text) => text.length > 2))
      expect(JSON.stringify([status, await setUp().ask('providers')])).not.toContain(key)
  })

  rule('tts.providers.listsAll', async () => {
    const all = (configured: boolean) => ttsVendors.map((name) => ({ name, configured }))
    expect(await setUp().ask('providers')).toEqual({ providers: all(true), primary: 'openai' })
    expect(await setUp({ config: nobody }).ask('providers')).toEqual({ providers: all(false), primary: '' })
    expect(await setUp({ stored: { 'tts.provider': 'edge' } }).ask('providers')).toMatchObject({ primary: 'edge' })
  })

  rule('tts.enable.setsAuto', async () => {
    const { ask, stored } = setUp()
    expect(await ask('enable')).toEqual({ ok: true })
    expect(stored).toEqual({ 'tts.auto': 'always' })
    await ask('enable', { auto: 'inbound' })
    expect(stored).toEqual({ 'tts.auto': 'inbound' })
    await expect(ask('enable', { auto: 'off' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })

  rule('tts.enable.saysWhatItNeeds', async () => {
    const { ask, stored } = setUp({ config: nobody })
    await expect(ask('enable')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      params: { needs: 'tts_provider' },
    })
    expect(stored).toEqual({})
  })

  rule('tts.disable.setsAutoOff', async () => {
    const { ask, stored } = setUp({ config: nobody, stored: { 'tts.auto': 'always' } })
    expect(await ask('disable')).toEqual({ ok: true })
    expect(stored).toEqual({ 'tts.auto': 'off' })
  })

  rule('tts.setProvider.setsTheProvider', async () => {
    const { ask, stored } = setUp({ config: nobody })
    expect(await ask('setProvider', { provider: 'edge' })).toEqual({ ok: true, provider: 'edge' })
    expect(stored).toEqual({ 'tts.provider': 'edge' })
    await expect(ask('setProvider', { provider: 'espeak' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })
})

describe('the vendors', () => {
  const mp3 = { mimeType: 'audio/mpeg', extension: '.mp3' }
  const ogg = { mimeType: 'audio/ogg', extension: '.ogg' }

  test(ruleName('tts.convert.saysWhatItIs'), async () => {
    const { convert } = setUp()
    for (const provider of ttsVendors) {
      const said = audioFor(provider, 'hello').toString()
      expect(await convert({ provider })).toEqual({ said, provider, ...mp3 })
      const hasOpus = provider === 'openai' || provider === 'elevenlabs'
      expect(await convert({ provider, format: 'opus' })).toEqual({ said, provider, ...(hasOpus ? ogg : mp3) })
    }
    expect(fake.asked.map(({ vendor, format }) => [vendor, format])).toEqual([
      ...[
        ['openai', 'mp3'],
        ['openai', 'opus'],
      ],
      ...[
        ['elevenlabs', 'mp3_44100_128'],
        ['elevenlabs', 'opus_48000_64'],
      ],
      ...[
        ['edge', 'audio-24khz-48kbitrate-mono-mp3'],
        ['edge', 'audio-24khz-48kbitrate-mono-mp3'],
      ],
      ...[
        ['minimax', 'mp3'],
        ['minimax', 'mp3'],
      ],
    ])
  })

  test.each<[TtsVendor, string, string]>([
    ['openai', 'nova', 'tts-1'],
    ['elevenlabs', 'a/voice?', 'eleven_v3'],
    ['edge', 'vi-VN-HoaiMyNeural', ''],
    ['minimax', 'Calm_Woman', 'speech-02-turbo'],
  ])('%s is asked for the voice and the model that are wanted', async (provider, voice, model) => {
    await setUp().convert({ provider, voice, model: model || 'any' })
    expect(fake.asked).toEqual([expect.objectContaining({ voice, model })])
  })

  const faults = [401, 429, 500, 'garbage', 'cut', 'empty', 'endless'] as const
  test.each(ttsVendors.flatMap((vendor) => faults.map((fault) => [vendor, fault] as const)))(
    '%s that answers %s has not spoken',
    async (provider, fault) => {
      fake.fault = { [provider]: fault }
      await expect(setUp().convert({ provider })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    },
  )

  test('marks of markup are spoken, and what XML cannot hold is left out', async () => {
    const text = `a < b & "c" > 'd'\u0001\u0000</prosody>`
    await setUp().convert({ provider: 'edge', text })
    expect(fake.asked[0]!.text).toBe(`a < b & "c" > 'd'  </prosody>`)
  })

  test.each([undefined, 'garbage', 'empty', 'endless', 'silence'] as const)(
    'of Edge no connection is left once it has answered: %s',
    async (fault) => {
      fake.fault = fault === undefined ? {} : { edge: fault }
      const stored = { 'tts.timeout_ms': '2000' }
      await Promise.allSettled([setUp({ stored }).convert({ provider: 'edge' })])
      expect(fake.asked).toHaveLength(1)
      await eventually('its end', async () => fake.sockets === 0)
    },
  )

  test('Edge is told a long text in pieces, and its audio is one', async () => {
    const text = 'Xin chào & tạm biệt. '.repeat(190).trim()
    const { said } = await setUp({ config: { ttsMaxLength: 4_096 } }).convert({ provider: 'edge', text })
    expect(fake.asked.length).toBeGreaterThan(1)
    expect(fake.asked.map((asked) => asked.text).join('')).toBe(text)
    expect(said).toBe(fake.asked.map((asked) => `edge says ${asked.text}`).join(''))
  })

  test('pieces are small enough, lose nothing and cut no character and no entity', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer({ min: 1, max: 400 }), (part, times) => {
        const escaped = xmlText(
          part
            .replace(/[\s\p{Cc}]/gu, '_')
            .toWellFormed()
            .repeat(times),
        )
        const pieces = piecesOf(escaped)
        expect(pieces.join('')).toBe(escaped)
        for (const piece of pieces) {
          expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(4_000)
          expect(piece).not.toMatch(/&(?!(?:amp|lt|gt|quot|apos);)/)
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('who speaks', () => {
  rule('tts.convert.cutsLongTexts', async () => {
    const { convert } = setUp({ stored: { 'tts.max_length': '10' } })
    for (const provider of ttsVendors) await convert({ provider, text: 'x'.repeat(50) })
    expect(fake.asked.map(({ text }) => text)).toEqual(ttsVendors.map(() => 'x'.repeat(10)))
  })

  rule('tts.convert.fallsBack', async () => {
    fake.fault = { edge: 429, openai: 500, elevenlabs: 'garbage' }
    const { convert } = setUp({ stored: { 'tts.provider': 'edge' } })
    expect(await convert({ voice: 'de-DE-KatjaNeural', model: 'x' })).toMatchObject({ provider: 'minimax' })
    expect(order()).toEqual(['openai', 'elevenlabs', 'minimax'])
    // Edge was asked first, and refused before it heard of anything.
    expect(fake.asked.map(({ voice }) => voice)).toEqual(['alloy', '21m00Tcm4TlvDq8ikWAM', 'Wise_Woman'])
    fake.fault = {}
    expect(await convert({})).toMatchObject({ provider: 'edge' })
  })

  rule('tts.convert.asksTheNamedAlone', async () => {
    fake.fault = { elevenlabs: 500 }
    await expect(setUp().convert({ provider: 'elevenlabs' })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(order()).toEqual(['elevenlabs'])
  })

  rule('tts.convert.saysWhatItNeeds', async () => {
    const missing = (needs: string) => ({ code: 'FAILED_PRECONDITION', params: { tool: 'tts', needs } })
    await expect(setUp({ config: nobody }).convert({})).rejects.toMatchObject(missing('tts_provider'))
    await expect(setUp({ config: { ttsEdgeEnabled: false } }).convert({ provider: 'edge' })).rejects.toMatchObject(
      missing('edge'),
    )
    await expect(setUp().convert({ text: '   ' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    await expect(setUp().convert({ provider: 'espeak' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })

  rule('tts.convert.saysWhyNobodySpoke', async () => {
    fake.fault = { openai: 401, elevenlabs: 401, edge: 'empty', minimax: 429 }
    const thrown = (await setUp()
      .convert({})
      .catch((error: Error) => error)) as Error
    expect(thrown).toMatchObject({
      code: 'UNAVAILABLE',
      message:
        'the text could not be spoken. openai: the key is refused. elevenlabs: the key is refused. edge: its answer is empty. minimax: it was asked too often',
    })
    expect(thrown.message).not.toMatch(/sk-of|xi-of|mm-of/)
  })

  rule('tts.convert.isBounded', async () => {
    const stored = { 'tts.timeout_ms': '50' }
    for (const provider of ttsVendors) {
      fake.fault = { [provider]: 'silence' }
      await expect(setUp({ stored }).convert({ provider })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      fake.fault = { [provider]: 'endless' }
      await expect(setUp().convert({ provider })).rejects.toThrow('its answer is too large')
    }
    const { promise: allowed, resolve: letGo } = Promise.withResolvers<void>()
    const slow: SpeechVendor = {
      name: 'openai',
      speak: async () => {
        await allowed
        return { audio: Buffer.from('x'), ...mp3Of }
      },
    }
    const { convert } = setUp({ vendors: [slow] })
    const four = [1, 2, 3, 4].map(() => convert({}))
    await expect(convert({})).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    letGo()
    await Promise.all(four)
    expect(await convert({})).toMatchObject({ said: 'x' })
  })
  const mp3Of = { mimeType: 'audio/mpeg', extension: '.mp3' }

  rule('tts.convert.reachesNothingInside', async () => {
    const inside = setUp({ allow: [] })
    for (const provider of ttsVendors) await expect(inside.convert({ provider })).rejects.toThrow('address not allowed')
    const hosts = [
      '169.254.169.254',
      '[::1]',
      '10.0.0.1',
      'localhost',
      'metadata.google.internal',
      '0x7f000001',
      '127.1',
    ]
    for (const host of hosts) {
      const config: Partial<TtsConfig> = {
        ttsOpenaiBase: `http://${host}/v1`,
        ttsElevenlabsBase: `https://${host}`,
        ttsEdgeUrl: `wss://${host}/edge`,
        ttsMinimaxBase: `http://${host}/v1`,
      }
      const { convert } = setUp({ config, allow: [] })
      for (const provider of ttsVendors) await expect(convert({ provider })).rejects.toThrow('address not allowed')
    }
    for (const url of ['file:///etc/passwd', 'ftp://example.org'])
      await expect(setUp({ config: { ttsEdgeUrl: url } }).convert({ provider: 'edge' })).rejects.toThrow(
        'address not allowed',
      )
    expect(fake.asked).toEqual([])
  })

  test.each(ttsVendors)('%s is left when the caller goes', async (provider) => {
    fake.fault = { [provider]: 'silence' }
    const leaving = new AbortController()
    const spoken = setUp().convert({ provider }, leaving.signal)
    setTimeout(() => leaving.abort(), 30)
    await expect(spoken).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})

describe('the tool', () => {
  const contextFor = (setting: Setting = {}) => {
    const { tts, call } = setUp(setting)
    const ttsProvider = { speak: (request: never, signal: AbortSignal) => tts.speak(call(signal), request) }
    return contextWith({ workspace: { base: folder, path: folder }, ttsProvider } as never)
  }

  test('saves what is spoken and attaches it', async () => {
    const { output, metadata } = await runTool('tts', { text: 'hello', provider: 'edge' }, contextFor())
    expect(output).toMatch(/^MEDIA:generated\/\d{4}-\d\d-\d\d\/speech-[0-9a-f]{8}\.mp3$/)
    const path = join(folder, output.slice('MEDIA:'.length))
    expect(await readFile(path, 'utf8')).toBe('edge says hello')
    expect(metadata).toMatchObject({ deliver: [path], mimeType: 'audio/mpeg', provider: 'edge', bytes: 15 })
  })

  test('says why nothing was spoken', async () => {
    fake.fault = { openai: 429 }
    expect(await toolRefusal('tts', { text: 'x', provider: 'openai' }, contextFor())).toMatch('it was asked too often')
  })
})
