/** The fakes themselves: what the vendors refuse is refused, with the vendors' own words. */
import { fakeAnthropic } from '../../../test/fakes/anthropic.ts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import type { Json } from '../../../test/fakes/json.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import type { OpenAiFlavour } from '../../../test/fakes/openai-rules.ts'

const fakes: Record<string, FakeUpstream> = {}
beforeAll(async () => {
  for (const flavour of ['compatible', 'openai', 'mistral', 'perplexity', 'gemini'] satisfies OpenAiFlavour[])
    fakes[flavour] = await fakeOpenAi({}, flavour)
  fakes['anthropic'] = await fakeAnthropic()
})
afterAll(async () => {
  for (const fake of Object.values(fakes)) await fake.close()
})

const post = async (name: string, path: string, body: unknown): Promise<{ status: number; text: string }> => {
  const headers = { 'content-type': 'application/json', 'x-api-key': 'k', 'anthropic-version': '2023-06-01' }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(fakes[name]!.base + path, { method: 'POST', headers, body: text })
  return { status: response.status, text: await response.text() }
}

const user = { role: 'user', content: 'hi' }
const toolOf = (name: string) => ({ type: 'function', function: { name, parameters: { type: 'object' } } })
const callOf = (id: string, name = 'f', args: unknown = '{}') => ({
  id,
  type: 'function',
  function: { name, arguments: args },
})
const called = (...calls: unknown[]) => ({ role: 'assistant', tool_calls: calls })
const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'ok' })

describe('OpenAI', () => {
  const chat = (body: Json, flavour = 'openai') => post(flavour, '/chat/completions', { model: 'gpt-4o', ...body })

  it('takes a good conversation', async () => {
    const messages = [{ role: 'developer', content: 'x' }, user, called(callOf('a')), result('a'), user]
    expect((await chat({ messages, tools: [toolOf('f')], tool_choice: 'auto' })).status).toBe(200)
    expect(fakes['openai']!.refusals).toEqual([])
  })

  it.each<[string, Json, string]>([
    ['an unknown role', { messages: [{ role: 'narrator', content: 'x' }] }, "Invalid value: 'narrator'"],
    ['no messages', { messages: [] }, 'empty array'],
    ['an unknown parameter', { messages: [user], top_k: 1 }, "Unknown parameter: 'top_k'"],
    ['an unknown message field', { messages: [{ ...user, extra: 1 }] }, "Unknown parameter: 'messages[0].extra'"],
    [
      'thinking sent back',
      { messages: [user, { role: 'assistant', content: 'a', reasoning_content: 'b' }, user] },
      'reasoning_content',
    ],
    ['a long id', { messages: [user, called(callOf('a'.repeat(41))), result('a'.repeat(41))] }, 'maximum length 40'],
    ['an empty name', { messages: [user, called(callOf('a', '')), result('a')] }, 'empty string'],
    ['a dotted name', { messages: [user, called(callOf('a', 'a.b')), result('a')] }, 'does not match pattern'],
    ['a long name', { messages: [user, called(callOf('a', 'n'.repeat(65))), result('a')] }, 'maximum length 64'],
    ['arguments as an object', { messages: [user, called(callOf('a', 'f', {})), result('a')] }, 'expected a string'],
    ['a call without a result', { messages: [user, called(callOf('a')), user] }, 'did not have response messages: a'],
    ['a result without a call', { messages: [user, result('a')] }, 'must be a response to a preceeding message'],
    [
      'an empty assistant',
      { messages: [user, { role: 'assistant', content: '' }, user] },
      'either content or tool_calls',
    ],
    ['a dotted tool', { messages: [user], tools: [toolOf('a.b')] }, "Invalid 'tools[0].function.name'"],
    ['a tool twice', { messages: [user], tools: [toolOf('a'), toolOf('a')] }, 'Duplicate'],
    ['a choice among no tools', { messages: [user], tool_choice: 'auto' }, "only allowed when 'tools' are specified"],
    ['max_tokens for o1', { model: 'o1', messages: [user], max_tokens: 1 }, "Use 'max_completion_tokens' instead"],
    [
      'stream options without a stream',
      { messages: [user], stream_options: {} },
      "only allowed when 'stream' is enabled",
    ],
    [
      'a picture of another type',
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/svg+xml;base64,AA==' } }] },
        ],
      },
      'Invalid image URL',
    ],
  ])('refuses %s', async (_what, body, words) => {
    const { status, text } = await chat(body)
    expect([status, text]).toEqual([400, expect.stringContaining(words)])
  })

  it('refuses half a character, plain and in arguments', async () => {
    const half = '{"model":"m","messages":[{"role":"user","content":"\\ud83d"}]}'
    expect((await post('openai', '/chat/completions', half)).text).toContain('could not parse the JSON body')
    const messages = [user, called(callOf('a', 'f', '{"x":"\\ud83d"}')), result('a')]
    expect((await chat({ messages })).text).toContain('could not parse the JSON body')
  })

  it('has vendors beside it with rules of their own', async () => {
    const nine = [user, called(callOf('abcdefghi')), result('abcdefghi')]
    expect((await chat({ messages: nine }, 'mistral')).status).toBe(200)
    expect((await chat({ messages: [...nine, user] }, 'mistral')).text).toContain(
      "Unexpected role 'user' after role 'tool'",
    )
    expect((await chat({ messages: [user, called(callOf('call_0')), result('call_0')] }, 'mistral')).text).toContain(
      'Tool call id was call_0 but must be a-z, A-Z, 0-9, with a length of 9.',
    )
    expect((await chat({ messages: [user, user] }, 'perplexity')).text).toContain('should alternate')
    const signed = { ...callOf('a'), extra_content: {} }
    expect((await chat({ messages: [user, called(signed), result('a')] }, 'gemini')).status).toBe(200)
    expect((await chat({ messages: [user, called(signed), result('a')] })).status).toBe(400)
  })
})

describe('Anthropic', () => {
  const text = (value: string) => ({ type: 'text', text: value })
  const use = (id: string, name = 'f') => ({ type: 'tool_use', id, name, input: {} })
  const answer = (id: string, fields = {}) => ({ type: 'tool_result', tool_use_id: id, content: 'ok', ...fields })
  const says = (role: string, ...content: unknown[]) => ({ role, content })
  const hi = says('user', text('hi'))
  const ask = (body: Json) => post('anthropic', '/messages', { model: 'claude', max_tokens: 9, ...body })

  it('takes a good conversation', async () => {
    const messages = [hi, says('assistant', text('so'), use('a')), says('user', answer('a'), text('and?'))]
    expect((await ask({ messages, tools: [{ name: 'f', input_schema: { type: 'object' } }] })).status).toBe(200)
    expect(fakes['anthropic']!.refusals).toEqual([])
  })

  it.each<[string, Json, string]>([
    ['a system message', { messages: [{ role: 'system', content: 'x' }] }, 'Unexpected role'],
    ['an unknown role', { messages: [{ role: 'tool', content: 'x' }] }, "Input should be 'user' or 'assistant'"],
    ['an assistant first', { messages: [says('assistant', text('x'))] }, 'first message must use the'],
    ['an empty message', { messages: [hi, says('assistant'), hi] }, 'must have non-empty content'],
    ['an empty text', { messages: [says('user', text(''))] }, 'text content blocks must be non-empty'],
    ['a blank text', { messages: [says('user', text(' '))] }, 'non-whitespace text'],
    [
      'an id of Kimi',
      { messages: [hi, says('assistant', use('functions.f:0')), says('user', answer('functions.f:0'))] },
      'tool_use.id: String should match pattern',
    ],
    [
      'a dotted name',
      { messages: [hi, says('assistant', use('a', 'x.y')), says('user', answer('a'))] },
      'tool_use.name: String should match pattern',
    ],
    [
      'a call without a result',
      { messages: [hi, says('assistant', use('a')), hi] },
      '`tool_use` ids were found without',
    ],
    [
      'a result after a text',
      { messages: [hi, says('assistant', use('a')), says('user', text('x'), answer('a'))] },
      '`tool_use` ids were found without',
    ],
    ['a result without a call', { messages: [says('user', answer('a'))] }, 'unexpected `tool_use_id`'],
    [
      'an id twice',
      {
        messages: [
          hi,
          says('assistant', use('a')),
          says('user', answer('a')),
          says('assistant', use('a')),
          says('user', answer('a')),
        ],
      },
      'ids must be unique',
    ],
    [
      'an empty failure',
      { messages: [hi, says('assistant', use('a')), says('user', answer('a', { content: '', is_error: true }))] },
      'content cannot be empty if',
    ],
    ['an unknown field', { messages: [hi], seed: 1 }, 'seed: Extra inputs are not permitted'],
    [
      'an unknown block field',
      { messages: [says('user', { ...text('x'), extra: 1 })] },
      'Extra inputs are not permitted',
    ],
    ['no limit', { messages: [hi], max_tokens: undefined }, 'max_tokens: Field required'],
    [
      'unsigned thinking',
      { messages: [hi, says('assistant', { type: 'thinking', thinking: 'x' }, text('y')), hi] },
      'signature: Field required',
    ],
    [
      'a picture of another type',
      { messages: [says('user', { type: 'image', source: { type: 'base64', media_type: 'image/bmp', data: '' } })] },
      'media_type',
    ],
    [
      'a tool twice',
      {
        messages: [hi],
        tools: [
          { name: 'f', input_schema: { type: 'object' } },
          { name: 'f', input_schema: { type: 'object' } },
        ],
      },
      'Tool names must be unique',
    ],
    [
      'thinking with a temperature',
      { messages: [hi], max_tokens: 9_000, temperature: 0.5, thinking: { type: 'enabled', budget_tokens: 2_000 } },
      '`temperature` may only be set to 1',
    ],
  ])('refuses %s', async (_what, body, words) => {
    const { status, text: reported } = await ask(body)
    expect(status).toBe(400)
    expect(JSON.parse(reported)).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.stringContaining(words) },
    })
  })

  it('refuses half a character', async () => {
    const half = '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"\\ud83d"}]}'
    expect((await post('anthropic', '/messages', half)).text).toContain('no low surrogate in string')
  })
})
