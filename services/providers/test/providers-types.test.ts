/** The table of types: what a connection becomes, and the models it lists. */
import { providerTypes, type MeshError } from '@clawmesh/contracts'
import { chat } from '../src/chat/chat.ts'
import { connectionBase, endpoint, resolveTarget } from '../src/providers/connection.ts'
import { listModels } from '../src/trials/models.ts'
import { openAiHeaders } from '../src/chat/protocols/openai/request.ts'
import { effortToSend } from '../src/chat/reasoning.ts'
import { providerType, providerTypeTable } from '../src/providers/provider-types.ts'
import { fakeAnthropic } from '../../../test/fakes/anthropic.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import { chatRequest, connectionTo, testKey, testOptions } from './support.ts'

const options = testOptions()
afterAll(() => options.fetcher.destroy())

describe('types', () => {
  it('are all those of the contract, and the mock', () => {
    expect(Object.keys(providerTypeTable).sort()).toEqual([...providerTypes, 'mock'].sort())
    expect(providerType('constructor')).toBeUndefined()
  })

  it.each(['suno', 'nonsense'])('%s cannot be called', (type) => {
    expect(() => chat(connectionTo('', { type }), chatRequest(), options)).toThrow(
      expect.objectContaining({ code: 'FAILED_PRECONDITION', key: 'error.provider_unsupported' }) as MeshError,
    )
  })
})

describe('the base of a connection', () => {
  const base = (type: string, apiBase: string, inContainer = false): string =>
    connectionBase(connectionTo(apiBase, { type }), providerType(type)!, inContainer)

  it.each([
    ['openai_compat', '', 'https://api.openai.com/v1'],
    ['openai_compat', 'https://host/v1///', 'https://host/v1'],
    ['zai_coding', ' ', 'https://api.z.ai/api/coding/paas/v4'],
    ['ollama', '', 'http://localhost:11434/v1'],
    ['ollama', 'http://box:11434', 'http://box:11434/v1'],
    ['ollama', 'http://box:11434/v1/', 'http://box:11434/v1'],
  ])('%s with %p is %s', (type, apiBase, expected) => {
    expect(base(type, apiBase)).toBe(expected)
  })

  it('of a local server is the machine around a container', () => {
    expect(base('ollama', '', true)).toBe('http://host.docker.internal:11434/v1')
    expect(base('ollama', 'http://box:11434', true)).toBe('http://box:11434/v1')
    expect(base('openai_compat', 'http://localhost:8000/v1', true)).toBe('http://localhost:8000/v1')
  })

  it.each(['ftp://host', 'not a url', 'file:///etc/passwd', 'claude'])('%s is refused', (apiBase) => {
    expect(() => base('openai_compat', apiBase)).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }) as MeshError,
    )
  })

  it('keeps its query', () => {
    const url = endpoint('https://x.openai.azure.com/openai/deployments/gpt/?api-version=1', '/chat/completions')
    expect(url.href).toBe('https://x.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1')
  })

  it("goes to Azure with the key in Azure's own header, to a deployment in the path", () => {
    const target = resolveTarget(connectionTo('https://x.openai.azure.com/openai/deployments/gpt?api-version=1'))
    const headers = openAiHeaders(target)
    expect([headers['api-key'], headers['authorization']]).toEqual([testKey, undefined])
    expect(openAiHeaders(resolveTarget(connectionTo('')))).toMatchObject({ authorization: `Bearer ${testKey}` })
  })

  it('needs a key where the type does', () => {
    expect(() => resolveTarget(connectionTo('', { apiKey: '' }))).toThrow(
      expect.objectContaining({ key: 'error.api_key_required' }) as MeshError,
    )
    expect(resolveTarget(connectionTo('', { type: 'ollama', apiKey: '' })).key).toBe('ollama')
  })
})

describe('models', () => {
  it('are fixed for some types', async () => {
    const models = await listModels(connectionTo('', { type: 'chatgpt_oauth', apiKey: '' }), options)
    expect(models).toHaveLength(10)
    expect(models[1]).toMatchObject({
      id: 'gpt-5.4-mini',
      name: 'GPT-5.4 Mini',
      reasoning: { levels: ['none', 'low', 'medium', 'high', 'xhigh'], defaultEffort: 'none' },
    })
    expect(await listModels(connectionTo('', { type: 'claude_cli' }), options)).toEqual([
      { id: 'sonnet', name: 'Sonnet' },
      { id: 'opus', name: 'Opus' },
      { id: 'haiku', name: 'Haiku' },
    ])
  })

  it('are fetched for the others, in upstream order', async () => {
    const openAi = await fakeOpenAi()
    const anthropic = await fakeAnthropic()
    expect(await listModels(connectionTo(openAi.base), options)).toMatchObject([
      { id: 'gpt-4o', name: 'gpt-4o' },
      { id: 'gpt-5.4', name: 'gpt-5.4', reasoning: expect.objectContaining({ defaultEffort: 'none' }) as object },
      { id: 'gpt-4o-mini', name: 'gpt-4o-mini' },
    ])
    expect(await listModels(connectionTo(anthropic.base, { type: 'anthropic_native' }), options)).toMatchObject([
      { id: 'claude-sonnet-4-5-20250929', name: 'Claude Sonnet 4.5' },
      { id: 'claude-opus-4-6', name: 'Claude Opus 4.6' },
    ])
    expect(anthropic.requests[0]!.headers['x-api-key']).toBe(testKey)
    const gemini = connectionTo(`${openAi.origin}/v1beta/openai`, { type: 'gemini_native' })
    expect(await listModels(gemini, options)).toMatchObject([{ id: 'gemini-2.0-flash', name: 'Gemini 2.0 Flash' }])
    expect(openAi.requests.at(-1)!.path).not.toContain(testKey)
    await openAi.close()
    await anthropic.close()
  })

  it('are none when upstream fails, which is reported aside', async () => {
    const fake = await fakeOpenAi()
    const reported: string[] = []
    const onFailure = (error: MeshError): void => void reported.push(error.code)
    for (const script of [
      { status: 500 },
      { fault: 'web_page' as const },
      { fault: 'reset' as const },
      { status: 401 },
    ]) {
      fake.next(script)
      expect(await listModels(connectionTo(fake.base), { ...options, onFailure })).toEqual([])
    }
    expect(reported).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE', 'FAILED_PRECONDITION'])
    expect(fake.requests).toHaveLength(4)
    await fake.close()
  })

  it('need a key where the type does', async () => {
    for (const type of ['openai_compat', 'dashscope', 'suno'])
      await expect(listModels(connectionTo('', { type, apiKey: '' }), options)).rejects.toMatchObject({
        code: 'INVALID_REQUEST',
        key: 'error.api_key_required',
      })
  })
})

it('effort is never raised above what was asked', () => {
  const order = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh']
  for (const model of ['gpt-5.4', 'gpt-5.3-codex', 'gpt-5.1-codex-max', 'gpt-5.1', 'gpt-5', 'x/GPT-5'])
    for (const asked of order) {
      const sent = effortToSend(model, asked)
      if (sent !== undefined) expect(order.indexOf(sent)).toBeLessThanOrEqual(order.indexOf(asked))
    }
})
