/** Conversations of any origin, sent to vendors that refuse what the real ones refuse. */
import fc from 'fast-check'
import type { ChatMessage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { chat } from '../src/chat/chat.ts'
import type { ProviderConnection } from '../src/providers/connection.ts'
import { wireName } from '../src/chat/protocols/tool-names.ts'
import { fakeAnthropic, sentBlocks } from '../../../test/fakes/anthropic.ts'
import { fakeCodex } from '../../../test/fakes/codex.ts'
import type { FakeUpstream, Script } from '../../../test/fakes/http-fake.ts'
import type { Json } from '../../../test/fakes/json.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import { chatRequest, collect, connectionTo, doneOf, errorOf, message, testOptions, tool, toolCall } from './support.ts'

const png = { mimeType: 'image/png', data: Buffer.from([1, 2, 3]) }
const pdf = { mimeType: 'application/pdf', data: Buffer.from('%PDF-1.7'), name: 'report.pdf' }
const mp3 = { mimeType: 'audio/mpeg', data: Buffer.from('ID3'), name: '' }
const notes = { mimeType: 'text/markdown', data: Buffer.from('# Tuần này'), name: 'notes.md' }
const file = (value: typeof pdf) => ({ part: { $case: 'file' as const, value } })
const options = testOptions({ retry: { attempts: 1 } })

interface Vendor {
  fake: FakeUpstream
  connection: Partial<ProviderConnection>
  model: string
}
const vendors: Record<string, Vendor> = {}
beforeAll(async () => {
  const add = (name: string, fake: FakeUpstream, type: string, model: string) => {
    vendors[name] = { fake, connection: { type }, model }
  }
  add('openai', await fakeOpenAi({}, 'compatible'), 'openai_compat', 'gpt-4o')
  add('groq', await fakeOpenAi({}, 'openai'), 'groq', 'llama-3.3')
  add('mistral', await fakeOpenAi({}, 'mistral'), 'mistral', 'mistral-large-latest')
  add('perplexity', await fakeOpenAi({}, 'perplexity'), 'perplexity', 'sonar-pro')
  add('gemini', await fakeOpenAi({}, 'gemini'), 'gemini_native', 'gemini-2.5-pro')
  add('codex', await fakeCodex(), 'chatgpt_oauth', 'gpt-5.4')
  add('anthropic', await fakeAnthropic(), 'anthropic_native', 'claude-sonnet-4-6')
})
afterAll(async () => {
  await options.fetcher.destroy()
  for (const { fake } of Object.values(vendors)) await fake.close()
})

const names = ['openai', 'groq', 'mistral', 'perplexity', 'gemini', 'codex', 'anthropic']

/** Files that each takes as they are; texts are told to all. */
const shown: Record<string, readonly string[]> = {
  openai: ['pdf', 'audio'],
  groq: [],
  mistral: ['pdf', 'audio'],
  perplexity: [],
  gemini: ['pdf', 'audio'],
  codex: ['pdf'],
  anthropic: ['pdf'],
}

const routing = { fallbacks: [], forbidsFallbacks: false, continuesAnswers: false, affinity: 'agent:a:alice' }

/** Sends a conversation; the vendor must take it. */
const send = async (name: string, messages: ChatMessage[], tools = [tool('list_files')]): Promise<Json> => {
  const { fake, connection, model } = vendors[name]!
  fake.refusals.length = 0
  const got = await collect(
    chat(connectionTo(fake.base, connection), chatRequest({ messages, model, tools, routing, stream: false }), options),
  )
  expect(fake.refusals).toEqual([])
  doneOf(got)
  return fake.requests.at(-1)!.body
}
const sentMessages = (body: Json) => body['messages'] as (Json & { tool_calls?: { id: string; function: Json }[] })[]

const turn = (id: string, name = 'list_files', args = '{}', result = 'ok'): ChatMessage[] => [
  message('assistant', '', { toolCalls: [toolCall(id, name, args)] }),
  message('tool', result, { toolCallId: id }),
]

describe.each(names)('%s takes', (name) => {
  it.each([
    ['an id of Kimi', 'functions.list_files:0'],
    ['a counted id', 'call_0'],
    ['an id of Anthropic', 'toolu_01A09q90qw90lq917835lq9'],
    ['a long id', 'call_'.padEnd(300, 'x')],
    ['an empty id', ''],
    ['an id of other letters', 'gọi-công-cụ'],
  ])('%s, in the call and in its result alike', async (_what, id) => {
    await send(name, [message('user', 'go'), ...turn(id), message('user', 'and?')])
  })

  it('ids that every turn uses anew, and none of them collide', async () => {
    const turns = Array.from({ length: 50 }, (_, at) => turn(`call_${at % 3}`, 'list_files', '{}', `result ${at}`))
    await send(name, [message('user', 'go'), ...turns.flat()])
  })

  it.each([
    ['an empty', ''],
    ['a dotted', 'files.list'],
    ['a long', 'n'.repeat(200)],
    ['a blank', '  '],
    ['a foreign', 'liệt kê'],
  ])('%s tool name', async (_what, toolName) => {
    await send(name, [message('user', 'go'), ...turn('call_1', toolName)])
  })

  it('offered tools of any name', async () => {
    const offered = ['files.list', 'files_list', 'n'.repeat(200), `${'n'.repeat(200)}2`, 'liệt kê', 'files.list']
    await send(
      name,
      [message('user', 'go')],
      offered.map((each) => tool(each)),
    )
  })

  it('an empty answer in the history', async () => {
    await send(name, [message('user', 'a'), message('assistant', ''), message('user', 'b')])
    await send(name, [message('user', 'a'), message('assistant', ' \n', { thinking: 'hm' }), message('user', 'b')])
  })

  it('half characters, in texts and in arguments', async () => {
    const half = '\\ud83d'
    await send(name, [
      message('system', 'be \ud83d brief'),
      message('user', 'cut \ud83d'),
      ...turn('call_1', 'list_files', `{"path":"${half}","${half}":["\ud83d"]}`, 'cut \ud83d'),
    ])
  })

  it('a call that was never answered, an answer without its call, and one that came late', async () => {
    await send(name, [
      message('user', 'go'),
      message('tool', 'of a turn that was summarised', { toolCallId: 'gone' }),
      message('assistant', 'so', { toolCalls: [toolCall('a', 'list_files'), toolCall('b', 'list_files')] }),
      message('user', 'by the way'),
      message('tool', 'late', { toolCallId: 'b', isError: true }),
      message('assistant', 'fine'),
      message('user', 'next'),
    ])
  })

  it('an empty failure, images in results, and a user right after results', async () => {
    await send(name, [
      message('user', 'go'),
      message('assistant', '', { toolCalls: [toolCall('a', 'list_files'), toolCall('b', 'list_files')] }),
      message('tool', '', { toolCallId: 'a', isError: true }),
      message('tool', 'seen', { toolCallId: 'b', images: [png] }),
      message('user', 'and?'),
    ])
  })

  it('files of an earlier turn, and in results, or a note in their place', async () => {
    const parts = [pdf, mp3, notes].map(file)
    await send(name, [
      message('user', '', { parts }),
      message('assistant', '', { toolCalls: [toolCall('a', 'list_files')] }),
      message('tool', '', { toolCallId: 'a', parts }),
      message('assistant', 'I see'),
      message('user', 'and?'),
    ])
    const body = JSON.stringify(vendors[name]!.fake.requests.at(-1)!.body)
    expect(body).toContain('# Tuần này')
    expect(body.includes('[report.pdf, application/pdf, that cannot be shown]')).toBe(!shown[name]!.includes('pdf'))
    expect(body.includes('[audio, audio/mpeg, that cannot be shown]')).toBe(!shown[name]!.includes('audio'))
  })

  it('files of the turn, or names those that it does not take', async () => {
    for (const [kind, one] of Object.entries({ pdf, audio: mp3, text: notes })) {
      const messages = [message('user', 'see', { parts: [{ part: { $case: 'text', value: 'see' } }, file(one)] })]
      if (kind === 'text' || shown[name]!.includes(kind)) {
        await send(name, messages)
        continue
      }
      const { fake, connection, model } = vendors[name]!
      const before = fake.requests.length
      const { code, params } = errorOf(
        await collect(chat(connectionTo(fake.base, connection), chatRequest({ messages, model }), options)),
      )
      expect([code, params['field'], fake.requests.length]).toEqual([
        'UNSUPPORTED_PARAMETER',
        kind === 'pdf' ? 'file' : 'input_audio',
        before,
      ])
    }
  })

  it('a conversation whose beginning was cut off', async () => {
    await send(name, [message('assistant', 'as I said'), message('user', 'yes')])
  })

  it('what another vendor kept for itself', async () => {
    const states = [
      '{"openai":{"call_1":{"extra_content":{"google":{"thought_signature":"x"}},"thought_signature":"y"}}}',
      '{"anthropic":[{"type":"thinking","thinking":"no signature"},{"type":"text","text":""},{"type":"tool_use","id":"call_1","name":"a.b","input":{"x":"\\ud83d"},"caller":{"type":"direct"}}]}',
      '{"anthropic":[{"type":"thinking","thinking":"t","signature":"s","extra":1},{"type":"tool_use","id":"call_1","name":"list_files","input":{}}]}',
    ]
    for (const providerState of states) {
      const [called, result] = turn('call_1')
      await send(name, [message('user', 'go'), { ...called!, providerState, thinking: 'hm' }, result!])
    }
  })

  it('any conversation at all', async () => {
    const text = fc.oneof(
      fc.constantFrom('', ' ', '\ud83d', '\\ud83d', '\0'),
      fc.string({ unit: 'binary', maxLength: 10 }),
    )
    const id = fc.oneof(
      fc.constantFrom('', 'call_0', 'call_1', 'functions.f:0', 'abcdefghi'),
      fc.string({ maxLength: 80 }),
    )
    const args = fc.oneof(fc.json(), fc.constantFrom('', '{', '[]', 'null', '{"a":"\\udc00"}'))
    const call = fc.record({ id, name: text, argumentsJson: args, parseError: fc.constant('') })
    const any = fc.record({
      role: fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool'),
      content: text,
      images: fc.boolean().map((some) => (some ? [png] : [])),
      toolCalls: fc.array(call, { maxLength: 3 }),
      toolCallId: id,
      isError: fc.boolean(),
      thinking: text,
      providerState: fc.constantFrom('', '{}', '{"anthropic":[]}', '{"anthropic":[{"type":"constructor"}]}', 'x'),
      parts: fc.array(
        fc.record({
          part: fc.oneof(
            fc.record({ $case: fc.constant('text' as const), value: text }),
            fc.constant({ $case: 'image' as const, value: png }),
            fc.constantFrom(pdf, mp3, notes).map((value) => file(value).part),
          ),
        }),
        { maxLength: 2 },
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(any, { maxLength: 12 }), async (messages) => {
        // Only assistants call; what a client says about others is not read.
        const talk = messages.map((each) => (each.role === 'assistant' ? each : { ...each, toolCalls: [] }))
        await send(name, [...talk, message('user', 'go on')])
      }),
      { numRuns: 60 },
    )
  })
})

it('a conversation is handed from vendor to vendor and back, and each takes all that the others said', async () => {
  const talk = [message('system', 'be brief')]
  const scripts: Script[] = [
    { text: 'Here.', thinking: 'hm', toolCalls: [{ name: 'list_files', arguments: '{"path":"."}' }] },
    { text: '' },
    { text: 'So it is.', thinking: 'well' },
  ]
  for (const name of [...names, ...names.toReversed()]) {
    const { fake, connection, model } = vendors[name]!
    fake.refusals.length = 0
    for (const script of scripts) {
      const isAnswered = talk.at(-1)?.role === 'tool'
      if (!isAnswered) talk.push(message('user', `${name}?`, { images: [png] }))
      fake.next(script)
      const request = chatRequest({ messages: talk, model, tools: [tool('list_files')], stream: true })
      const { content, thinking, toolCalls, providerState } = doneOf(
        await collect(chat(connectionTo(fake.base, connection), request, options)),
      )
      talk.push(message('assistant', content, { thinking, toolCalls, providerState }))
      for (const { id } of toolCalls) talk.push(message('tool', 'found', { toolCallId: id }))
    }
    expect([name, fake.refusals]).toEqual([name, []])
  }
})

describe('ids', () => {
  it('stay as they are where the vendor takes them, and are the same in every request', async () => {
    const talk = [message('user', 'go'), ...turn('functions.list_files:0'), ...turn('call_0')]
    const first = sentMessages(await send('openai', talk))
    expect(first[1]!.tool_calls![0]!.id).toBe('functions.list_files:0')
    const mistral = sentMessages(await send('mistral', talk))
    const again = sentMessages(await send('mistral', [...talk, message('assistant', 'x'), message('user', 'y')]))
    expect(again.slice(0, mistral.length)).toEqual(mistral)
    expect(mistral[2]!['tool_call_id']).toBe(mistral[1]!.tool_calls![0]!.id)
  })

  it('of the same call number in two turns lead to their own results', async () => {
    await send('anthropic', [
      message('user', 'go'),
      ...turn('call_0', 'list_files', '{}', 'first'),
      ...turn('call_0', 'list_files', '{}', 'second'),
    ])
    const request = vendors['anthropic']!.fake.requests.at(-1)
    const results = [2, 4].map((at) => sentBlocks(request, at)[0]!)
    const calls = [1, 3].map((at) => sentBlocks(request, at)[0]!)
    expect(results.map((result) => result['tool_use_id'])).toEqual(calls.map((call) => call['id']))
    expect(results.map((result) => result['content'])).toEqual(['first', 'second'])
    expect(calls[0]!['id']).not.toBe(calls[1]!['id'])
  })

  it('go to Claude behind a router as Anthropic wants them', async () => {
    const { fake } = vendors['openai']!
    const request = chatRequest({
      model: 'anthropic/claude-sonnet-4.5',
      messages: [message('user', 'go'), ...turn('functions.list_files:0')],
    })
    doneOf(await collect(chat(connectionTo(fake.base, { type: 'openrouter' }), request, options)))
    expect(sentMessages(fake.requests.at(-1)!.body)[1]!.tool_calls![0]!.id).toMatch(/^[a-zA-Z0-9_-]+$/)
  })
})

describe('tool names', () => {
  it('that had to be changed come back as the tools are called', async () => {
    const offered = [tool('files.list'), tool('plain')]
    const { fake } = vendors['openai']!
    const anthropic = vendors['anthropic']!
    for (const stream of [true, false]) {
      const toolCalls = [
        { name: wireName('files.list', 64), arguments: '{}' },
        { name: 'plain', arguments: '{}' },
      ]
      for (const { vendor, type } of [
        { vendor: fake, type: 'openai_compat' },
        { vendor: anthropic.fake, type: 'anthropic_native' },
      ]) {
        vendor.next({ toolCalls })
        const got = await collect(
          chat(connectionTo(vendor.base, { type }), chatRequest({ tools: offered, stream }), options),
        )
        expect(doneOf(got).toolCalls.map((call) => call.name)).toEqual(['files.list', 'plain'])
        const reported = got.events.flatMap(({ event }) => (event?.$case === 'toolCallDelta' ? [event.value.name] : []))
        expect(reported.filter((each) => each !== '')).toEqual(stream ? ['files.list', 'plain'] : [])
      }
    }
  })

  it('that differ stay different, fit, and are the same every time', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 150 }), fc.string({ maxLength: 150 }), (a, b) => {
        expect(wireName(a, 64)).toMatch(/^[a-zA-Z0-9_-]{1,64}$/)
        expect(wireName(a, 64)).toBe(wireName(a, 64))
        if (a !== '' && b !== '') expect(wireName(a, 64) === wireName(b, 64)).toBe(a === b)
      }),
      { numRuns: 500 },
    )
  })
})

describe('files', () => {
  const sent = async (name: string, one: typeof pdf): Promise<Json> => {
    const body = await send(name, [message('user', '', { parts: [file(one)] })])
    const said = (body['messages'] ?? body['input']) as Json[]
    return (said.at(-1)!['content'] as Json[])[0]!
  }
  const pdfUrl = `data:application/pdf;base64,${pdf.data.toString('base64')}`
  const audio = mp3.data.toString('base64')

  it.each([
    ['openai', pdf, { type: 'file', file: { filename: 'report.pdf', file_data: pdfUrl } }],
    ['openai', mp3, { type: 'input_audio', input_audio: { data: audio, format: 'mp3' } }],
    ['mistral', pdf, { type: 'document_url', document_url: pdfUrl, document_name: 'report.pdf' }],
    ['mistral', mp3, { type: 'input_audio', input_audio: audio }],
    ['gemini', pdf, { type: 'image_url', image_url: { url: pdfUrl } }],
    ['gemini', mp3, { type: 'input_audio', input_audio: { data: audio, format: 'mp3' } }],
    ['openai', { ...pdf, name: 'Q3 report' }, { file: { filename: 'Q3 report.pdf' } }],
    ['codex', pdf, { type: 'input_file', filename: 'report.pdf', file_data: pdfUrl }],
    [
      'anthropic',
      pdf,
      {
        type: 'document',
        title: 'report.pdf',
        source: { type: 'base64', media_type: 'application/pdf', data: pdf.data.toString('base64') },
      },
    ],
    [
      'anthropic',
      notes,
      { type: 'document', title: 'notes.md', source: { type: 'text', media_type: 'text/plain', data: '# Tuần này' } },
    ],
  ] as const)('go to %s in its own words', async (name, one, part) => {
    expect(await sent(name, one)).toMatchObject(part)
  })
})

describe('texts and images', () => {
  const text = (value: string) => ({ part: { $case: 'text' as const, value } })
  const image = { part: { $case: 'image' as const, value: png } }
  const mixed = message('user', 'one\ntwo\nthree', { parts: [text('one'), image, text('two'), image, text('three')] })

  it('go to OpenAI in their order', async () => {
    const [sent] = sentMessages(await send('openai', [mixed]))
    expect((sent!['content'] as Json[]).map(({ type, text: said }) => said ?? type)).toEqual([
      'one',
      'image_url',
      'two',
      'image_url',
      'three',
    ])
  })

  it('go to Anthropic in their order', async () => {
    await send('anthropic', [mixed])
    expect(
      sentBlocks(vendors['anthropic']!.fake.requests.at(-1), 0).map(({ type, text: said }) => said ?? type),
    ).toEqual(['one', 'image', 'two', 'image', 'three'])
  })
})
