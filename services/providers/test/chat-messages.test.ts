/** Conversations as the wires write them. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import type { ChatMessage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import * as anthropic from '../src/chat/protocols/anthropic/messages.ts'
import { openAiMessages, type MessageRules } from '../src/chat/protocols/openai/messages.ts'
import { idRules, replayed } from '../src/chat/protocols/replay.ts'
import { message, toolCall } from './support.ts'

const rules: MessageRules = {
  systemRole: 'system',
  thinking: true,
  gemini: false,
  ids: idRules.openai,
  alternates: false,
  fileWords: 'openai',
  afterResults: '',
}
const anthropicMessages = (messages: ChatMessage[]) =>
  anthropic.anthropicMessages(replayed(messages, anthropic.anthropicRules), { isConversation: false })
const anthropicSystem = (messages: ChatMessage[]) =>
  anthropic.anthropicSystem(replayed(messages, anthropic.anthropicRules))
const png = { mimeType: 'image/png', data: Buffer.from([1, 2, 3]) }
const longId = 'toolu_'.padEnd(60, 'x')

const conversation: ChatMessage[] = [
  message('system', 'be brief'),
  message('user', 'look', { images: [png] }),
  message('assistant', 'so', { thinking: 'hm', toolCalls: [toolCall('a', 'f', '{"x":1}'), toolCall(longId, 'g')] }),
  message('tool', 'one', { toolCallId: 'a' }),
  message('tool', 'bad', { toolCallId: longId, isError: true }),
  message('user', 'and?'),
  message('assistant', 'half an ans'),
]

describe('for OpenAI', () => {
  it('have images first, calls as JSON text, thinking echoed, long ids shortened, no assistant at the end', () => {
    const short = `call_${createHash('sha256').update(longId).digest('hex').slice(0, 35)}`
    expect(openAiMessages(conversation, rules)).toEqual([
      { role: 'system', content: 'be brief' },
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AQID' } },
          { type: 'text', text: 'look' },
        ],
      },
      {
        role: 'assistant',
        content: 'so',
        reasoning_content: 'hm',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
          { id: short, type: 'function', function: { name: 'g', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: 'one' },
      { role: 'tool', tool_call_id: short, content: 'bad' },
      { role: 'user', content: 'and?' },
    ])
    expect(short).toHaveLength(40)
  })

  it('call the system developer and leave thinking out where told to', () => {
    const own = openAiMessages(conversation, { ...rules, systemRole: 'developer', thinking: false })
    expect(own[0]!['role']).toBe('developer')
    expect(own[2]).not.toHaveProperty('reasoning_content')
  })

  it('leave out the empty content of a turn that only calls', () => {
    const [turn] = openAiMessages(
      [message('assistant', '', { toolCalls: [toolCall('a', 'f')] }), message('tool', 'x', { toolCallId: 'a' })],
      rules,
    )
    expect(turn).not.toHaveProperty('content')
  })

  it('put images of tool results into a user message after the results', () => {
    const reported = openAiMessages(
      [
        message('assistant', '', { toolCalls: [toolCall('1', 'f'), toolCall('2', 'f')] }),
        message('tool', 'a', { toolCallId: '1', images: [png] }),
        message('tool', 'b', { toolCallId: '2' }),
      ],
      rules,
    )
    expect(reported.map(({ role }) => role)).toEqual(['assistant', 'tool', 'tool', 'user'])
  })
})

describe('for Anthropic', () => {
  it('have images first, results of one turn together, system apart', () => {
    expect(anthropicMessages(conversation)).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AQID' } },
          { type: 'text', text: 'look' },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'so' },
          { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
          { type: 'tool_use', id: longId, name: 'g', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: 'one' },
          { type: 'tool_result', tool_use_id: longId, content: 'bad', is_error: true },
          { type: 'text', text: 'and?' },
        ],
      },
    ])
    expect(anthropicSystem(conversation)).toEqual([
      { type: 'text', text: 'be brief', cache_control: { type: 'ephemeral' } },
    ])
  })

  it('put images of a tool result into the result', () => {
    const [, , reported] = anthropicMessages([
      message('user', 'look'),
      message('assistant', '', { toolCalls: [toolCall('1', 'f')] }),
      message('tool', 'seen', { toolCallId: '1', images: [png] }),
    ])
    expect(reported!.content[0]).toMatchObject({ content: [{ type: 'image' }, { type: 'text', text: 'seen' }] })
  })

  it('have no empty blocks and no empty messages', () => {
    expect(anthropicMessages([message('user', 'a'), message('assistant', ' '), message('user', 'b')])).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ])
  })
})

const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => value.trim() !== '')
const turn = fc.record({
  user: text,
  answer: text,
  calls: fc.array(
    fc.record({
      id: fc.uuid(),
      name: fc.stringMatching(/^[a-zA-Z0-9_-]{1,64}$/),
      args: fc.dictionary(fc.string(), fc.jsonValue()),
    }),
    { maxLength: 3 },
  ),
})
const talk = fc.array(turn, { minLength: 1, maxLength: 4 }).map((turns) =>
  turns.flatMap(({ user, answer, calls }) => [
    message('user', user),
    message('assistant', answer, {
      toolCalls: calls.map(({ id, name, args }) => toolCall(id, name, JSON.stringify(args))),
    }),
    ...calls.map(({ id }) => message('tool', `result of ${id}`, { toolCallId: id })),
    message('user', 'go on'),
  ]),
)

/** A conversation read back from what was written, as far as the wire can carry it. */
interface Told {
  texts: string[]
  calls: { id: string; name: string; args: unknown }[]
  results: { id: string; content: string }[]
}
const reported = (messages: readonly ChatMessage[]): Told => ({
  texts: messages.filter(({ role }) => role !== 'tool').map(({ content }) => content),
  calls: messages.flatMap(({ toolCalls }) =>
    toolCalls.map(({ id, name, argumentsJson }) => ({ id, name, args: JSON.parse(argumentsJson) as unknown })),
  ),
  results: messages
    .filter(({ role }) => role === 'tool')
    .map(({ toolCallId, content }) => ({ id: toolCallId, content })),
})

describe('any conversation', () => {
  it('can be read back from what OpenAI is sent', () => {
    fc.assert(
      fc.property(talk, (messages) => {
        const sent = JSON.parse(JSON.stringify(openAiMessages(messages, rules))) as {
          role: string
          content: string
          tool_call_id: string
          tool_calls?: { id: string; function: { name: string; arguments: string } }[]
        }[]
        expect({
          texts: sent.filter(({ role }) => role !== 'tool').map(({ content }) => content),
          calls: sent.flatMap(({ tool_calls: calls }) =>
            (calls ?? []).map(({ id, function: { name, arguments: args } }) => ({
              id,
              name,
              args: JSON.parse(args) as unknown,
            })),
          ),
          results: sent
            .filter(({ role }) => role === 'tool')
            .map((each) => ({ id: each.tool_call_id, content: each.content })),
        }).toEqual(reported(messages))
      }),
      { numRuns: 300 },
    )
  })

  it('can be read back from what Anthropic is sent, in messages of alternating roles', () => {
    fc.assert(
      fc.property(talk, (messages) => {
        const written = anthropicMessages(messages)
        expect(written.every(({ role }, at) => role !== written[at - 1]?.role)).toBe(true)
        const sent = JSON.parse(JSON.stringify(written.flatMap(({ content }) => content))) as Record<string, string>[]
        expect({
          texts: sent.filter(({ type }) => type === 'text').map(({ text }) => text),
          calls: sent
            .filter(({ type }) => type === 'tool_use')
            .map(({ id, name, input }) => ({ id, name, args: input })),
          results: sent
            .filter(({ type }) => type === 'tool_result')
            .map((each) => ({ id: each['tool_use_id'], content: each['content'] })),
        }).toEqual(reported(messages))
      }),
      { numRuns: 300 },
    )
  })
})
