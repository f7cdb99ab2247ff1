/** What a model is shown of a conversation: pruned, mended, within the window, and summarised when it fills. */
import fc from 'fast-check'
import { MeshError } from '@clawmesh/contracts'
import type { ChatMessage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { createLogger } from '@clawmesh/chassis'
import { contextSettingsOf } from '../src/runs/context-settings.ts'
import { fitHistory, mendToolTurns } from '../src/runs/history.ts'
import { readHistory } from '../src/runs/history-window.ts'
import { extractFacts } from '../src/runs/memory-flush.ts'
import type { ModelAnswer } from '../src/runs/model-call.ts'
import { modelMessage, textMessage } from '../src/runs/model-messages.ts'
import { prune } from '../src/runs/prune.ts'
import { storedChars } from '../src/runs/sizes.ts'
import { transcriptsOf } from '../src/runs/summary.ts'
import { withSummary } from '../src/runs/summary-messages.ts'
import { titleOf, wantsTitle } from '../src/runs/title-session.ts'
import { createTurnContext } from '../src/runs/turn-context.ts'
import type { Message, NewMessage } from '../src/sessions/types.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { expectLinear, hostilePieces, repeated } from '../../../test/support/linear-time.ts'

const log = createLogger({ level: 'silent', name: 'test' })

const call = (...ids: string[]): NewMessage => ({
  role: 'assistant',
  content: '',
  extra: { toolCalls: ids.map((id) => ({ id, name: 'clock', arguments: {} })) },
})
const result = (toolCallId: string, content = 'noon'): NewMessage => ({ role: 'tool', content, extra: { toolCallId } })
const user = (content: string): NewMessage => ({ role: 'user', content })
const assistant = (content: string): NewMessage => ({ role: 'assistant', content })

const settings = (contextWindow: number, own: { compactionConfig?: object; contextPruning?: object } = {}) =>
  contextSettingsOf({ contextWindow, compactionConfig: {}, contextPruning: null, ...own } as never)

const expectPairs = (messages: readonly NewMessage[]) => {
  const open = new Set<string>()
  const seen = new Set<string>()
  for (const message of messages) {
    if (message.role === 'tool') expect(open.delete(message.extra!.toolCallId!)).toBe(true)
    else expect(open.size).toBe(0)
    for (const { id } of message.extra?.toolCalls ?? []) {
      expect(seen.has(id)).toBe(false)
      seen.add(id)
      open.add(id)
    }
  }
  expect(open.size).toBe(0)
}
const anyConversation = fc.array(
  fc.oneof(
    fc.constant(user('hi')),
    fc.constant(assistant('yes')),
    fc.subarray(['a', 'b', 'c'], { minLength: 1 }).map((ids) => call(...ids)),
    fc.constantFrom('a', 'b', 'c').map((id) => result(id)),
    fc.nat({ max: 8_000 }).map((length) => result('a', 'x'.repeat(length))),
  ),
  { maxLength: 30 },
)

describe('settings of an agent', () => {
  it('have the defaults of the contract', () => {
    expect(settings(200_000)).toMatchObject({
      budgetTokens: 170_000,
      compaction: { keepLastMessages: 4, memoryFlush: { enabled: true } },
      pruning: { keepLastAssistants: 3, softTrimRatio: 0.25, hardClearRatio: 0.5, minPrunableToolChars: 50_000 },
    })
  })

  it('are the default where they make no sense', () => {
    const compactionConfig = { maxHistoryShare: 7, keepLastMessages: -1, memoryFlush: { enabled: 'no', prompt: 5 } }
    expect(settings(100, { compactionConfig, contextPruning: { softTrim: 'x' } })).toEqual(settings(100))
    expect(settings(100, { compactionConfig: { maxHistoryShare: 0.5 } }).budgetTokens).toBe(50)
  })
})

describe('mending', () => {
  it('drops a result that belongs to no call', () => {
    expect(mendToolTurns([user('hi'), result('x')])).toEqual([user('hi')])
  })

  it('answers a call whose result was lost', () => {
    const [, , answer] = mendToolTurns([user('hi'), call('a'), user('still there?')])
    expect(answer).toMatchObject({ role: 'tool', extra: { toolCallId: 'a', isError: true } })
  })

  it('tells calls of later turns apart that have the same id', () => {
    const mended = mendToolTurns([user('1'), call('a'), result('a', 'one'), user('2'), call('a'), result('a', 'two')])
    const ids = mended.flatMap(({ extra }) => extra?.toolCalls?.map(({ id }) => id) ?? [])
    expect(ids).toEqual(['a', expect.stringMatching(/^call_[0-9a-f]{35}$/)])
    expect(mended.at(-1)).toMatchObject({ content: 'two', extra: { toolCallId: ids[1] } })
  })

  rule('createChatCompletion.mendsToolTurns', async () => {
    fc.assert(fc.property(anyConversation, (messages) => expectPairs(mendToolTurns(messages))))
  })
})

describe('pruning', () => {
  const long = 'x'.repeat(4_000)
  /** A conversation whose first tool result is old. */
  const withOld = (content: string, fill = 0) => [
    user('q'.repeat(fill + 1)),
    call('a'),
    result('a', content),
    assistant('1'),
    assistant('2'),
    assistant('3'),
  ]
  const pruned = (messages: NewMessage[], window: number, contextPruning: object = {}) =>
    prune(messages, settings(window, { contextPruning }), storedChars)

  it(ruleName('createChatCompletion.prunesOldResults', 'one result'), () => {
    const [, , cut] = pruned(withOld('x'.repeat(40_000)), 25_000, { softTrimRatio: 1 })
    expect(cut!.content.length).toBeLessThan(30_100)
    expect(cut!.content.indexOf('[...')).toBeCloseTo(21_000, -1)
  })

  it('lets results be while the window is less than a quarter full', () => {
    expect(pruned(withOld(long), 10_000)[2]!.content).toBe(long)
  })

  it(ruleName('createChatCompletion.prunesOldResults', 'the ends of long results'), () => {
    const [, , cut] = pruned(withOld(long), 3_500)
    expect(cut!.content).toMatch(/^x{1500}\n\[\.\.\. 1000 characters left out \.\.\.\]\nx{1500}$/)
  })

  it('keeps more of the beginning where the end says how it came out', () => {
    const [, , cut] = pruned(withOld(`${long}\nError: no such file`), 3_500)
    expect(cut!.content).toMatch(/^x{2100}\n/)
    expect(cut!.content.endsWith('Error: no such file')).toBe(true)
  })

  it('protects what came before the first question and the last three answers', () => {
    const messages = [
      call('z'),
      result('z', long),
      user('hi'),
      assistant('1'),
      call('a'),
      result('a', long),
      assistant('3'),
    ]
    expect(pruned(messages, 2_000)).toEqual(messages)
  })

  it(ruleName('createChatCompletion.prunesOldResults', 'the oldest'), () => {
    const steps = Array.from({ length: 40 }, (_, index) => [call(`c${index}`), result(`c${index}`, long)]).flat()
    const kept = pruned([user('hi'), ...steps], 30_000)
    const contents = kept.flatMap(({ role, content }) => (role === 'tool' ? [content] : []))
    expect(contents[0]).toBe('[An old tool result was cleared to make room.]')
    expect(contents.at(-1)).toBe(long)
    expect(kept.reduce((sum, message) => sum + storedChars(message), 0)).toBeLessThan(60_000)
    expect(pruned([user('hi'), ...steps], 30_000, { hardClear: { placeholder: 'gone' } })[2]!.content).toBe('gone')
    expect(pruned([user('hi'), ...steps], 30_000, { hardClear: { enabled: false } })[2]!.content).toContain('left out')
  })

  it('does nothing when it is off', () => {
    const messages = withOld(long)
    expect(pruned(messages, 1_000, { mode: 'off' })).toEqual(messages)
  })
})

describe('fitting', () => {
  it('forgets the oldest turns as wholes, and says so', () => {
    const turns = [user('x'.repeat(400)), assistant('y'.repeat(400)), user('new')]
    expect(fitHistory(turns, settings(100), 0)).toEqual({ messages: [user('new')], isWhole: false })
    expect(fitHistory(turns, settings(1_000), 0)).toEqual({ messages: turns, isWhole: true })
    expect(fitHistory(turns, settings(1_000), 3_300)).toEqual({ messages: [user('new')], isWhole: false })
  })

  it('keeps pairs and stays within the window, whatever comes', () => {
    fc.assert(
      fc.property(anyConversation, fc.integer({ min: 1, max: 4_000 }), (messages, window) => {
        const { messages: fitted } = fitHistory(messages, settings(window), 0)
        expectPairs(fitted)
      }),
    )
  })

  it('begins with a user, with the summary first where there is one', () => {
    expect(withSummary('', [assistant('late'), user('hi')])).toEqual([user('hi')])
    const shown = withSummary('Ada is 36.', [user('hi')])
    expect(shown.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    expect(shown[0]!.content).toContain('Ada is 36.')
    expect(withSummary('Ada is 36.', [call('a'), result('a')]).map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'tool',
    ])
  })
})

describe('the window of a conversation', () => {
  const stored = Array.from({ length: 10_000 }, (_, seq) => ({ ...user(`message ${seq}`), seq }))
  const pages = () => {
    const asked: number[] = []
    const page: Parameters<typeof readHistory>[0] = async ({ from, before, limit, chars }) => {
      asked.push(limit)
      const messages: (Message & { seq: number })[] = []
      let size = 0
      for (let seq = before - 1; seq >= from && messages.length < limit && size < chars; seq--) {
        messages.unshift({ ...stored[seq]!, createdAt: new Date() })
        size += stored[seq]!.content.length
      }
      return { messages, firstSeq: messages[0]?.seq ?? before, chars: size }
    }
    return { page, asked }
  }

  it('is read from its newest message back, no further than fits', async () => {
    const { page, asked } = pages()
    const { messages, isWhole } = await readHistory(page, { from: 0, before: 10_000, chars: 500 })
    expect(messages.at(-1)!.content).toBe('message 9999')
    expect(messages).toHaveLength(42)
    expect(isWhole).toBe(false)
    expect(asked).toEqual([100])
  })

  it('has a thousand messages at most', async () => {
    const { page } = pages()
    expect((await readHistory(page, { from: 0, before: 10_000, chars: 1e9 })).messages).toHaveLength(1_000)
    expect(await readHistory(page, { from: 9_990, before: 10_000, chars: 1e9 })).toMatchObject({ isWhole: true })
  })
})

describe('a turn whose window fills', () => {
  const answer = (inputTokens: number): ModelAnswer =>
    ({ content: 'ok', usage: { inputTokens, outputTokens: 1 } }) as ModelAnswer
  const system = textMessage('system', 'be kind')
  const steps = (count: number, chars: number): ChatMessage[] =>
    Array.from({ length: count }, (_, index) => [
      call(`s${index}`),
      result(`s${index}`, `${index} ${'x'.repeat(chars)}`),
    ])
      .flat()
      .map(modelMessage)
  const create = (window: number, summarise = async (_: readonly ChatMessage[]) => 'SUMMARY') => {
    const asked: ChatMessage[][] = []
    let announced = 0
    const context = createTurnContext({
      settings: settings(window),
      log,
      summarise: async (messages) => {
        asked.push([...messages])
        return summarise(messages)
      },
      announce: () => void announced++,
    })
    return { context, asked, announced: () => announced }
  }

  it('prunes at 70 % of the budget, by what the provider counted', async () => {
    const { context, asked } = create(10_000)
    const messages = [system, textMessage('user', 'go'), ...steps(8, 3_500)]
    const first = await context.ask(messages.slice(0, 4), async () => answer(1_200))
    expect(first.messages).toHaveLength(4)
    const second = await context.ask(messages, async () => answer(7_000))
    expect(second.messages[3]!.content.length).toBeLessThan(3_200)
    expect(asked).toEqual([])
  })

  it('summarises all but the newest 30 % once, keeps pairs and what was asked', async () => {
    const { context, asked, announced } = create(2_000)
    const messages = [system, textMessage('user', 'THE QUESTION'), ...steps(10, 1_000)]
    const { messages: sent } = await context.ask(messages, async () => answer(1_000))
    expect(announced()).toBe(1)
    expect(asked[0]!.length + sent.length - 2).toBe(messages.length - 1)
    expect(sent.map(({ role }) => role)).toEqual(['system', 'user', ...Array(4).fill(['assistant', 'tool']).flat()])
    expect(sent[1]!.content).toContain('SUMMARY')
    expect(sent[1]!.content).toContain('THE QUESTION')
    const again = await context.ask([...sent, ...steps(10, 1_000)], async () => answer(3_000))
    expect(again.messages[1]!.content).toContain('THE QUESTION')
    expect(asked).toHaveLength(1)
  })

  it('goes on as it is when the summary fails', async () => {
    const { context } = create(2_000, () => Promise.reject(new Error('away')))
    const messages = [system, textMessage('user', 'go'), ...steps(10, 1_000)]
    expect((await context.ask(messages, async () => answer(1))).messages).toHaveLength(messages.length)
  })

  it('makes room when the provider finds it too long, even without a summary', async () => {
    const { context } = create(100_000, () => Promise.reject(new Error('away')))
    const messages = [system, textMessage('user', 'THE QUESTION'), ...steps(10, 1_000)]
    const tooLong = new MeshError('INVALID_REQUEST', 'error.provider_rejected', {
      provider: 'fake',
      reason: "This model's maximum context length is 10 tokens",
    })
    let refusals = 1
    const { messages: sent } = await context.ask(messages, async () => {
      if (refusals-- > 0) throw tooLong
      return answer(10)
    })
    expect(sent.length).toBeLessThan(messages.length)
    expect(sent[1]!.content).toContain('THE QUESTION')
    refusals = 5
    await expect(
      context.ask(messages, async () => {
        throw tooLong
      }),
    ).rejects.toBe(tooLong)
  })
})

describe('transcripts for summaries', () => {
  it('hold whole messages, in pieces of a bounded length', () => {
    fc.assert(
      fc.property(anyConversation, fc.integer({ min: 100, max: 5_000 }), (messages, chars) => {
        const pieces = transcriptsOf(messages, chars)
        expect(pieces.reduce((sum, piece) => sum + piece.messages, 0)).toBe(messages.length)
        for (const { text } of pieces) expect(text.length).toBeLessThanOrEqual(chars + 10)
      }),
    )
  })
})

describe('titles', () => {
  it.each([
    ['"Trip to Rome."', 'Trip to Rome.'],
    ['\n  **Trip to Rome**  \n\nIt is about', 'Trip to Rome'],
    ['Title: Trip to Rome', 'Trip to Rome'],
    ['# Trip', 'Trip'],
    ['x'.repeat(300), 'x'.repeat(100)],
    ['""', ''],
  ])('%j becomes %j', (answer, title) => expect(titleOf(answer)).toBe(title))

  it('are for conversations that people see and that have none', () => {
    expect([wantsTitle('ws', ''), wantsTitle('ws', 'mine'), wantsTitle('http', ''), wantsTitle('wake', '')]).toEqual([
      true,
      false,
      false,
      false,
    ])
  })
})

describe('facts without a model', () => {
  it('are sentences that sound worth remembering', () => {
    expect(
      extractFacts([
        user('Hello there. My name is Ada! It rains.\nWe decided to ship on Friday.'),
        result('x', 'remember the tool result'),
        assistant('I will remember that you like tea.'),
      ]),
    ).toEqual(['My name is Ada!', 'We decided to ship on Friday.', 'I will remember that you like tea.'])
  })

  it.each(hostilePieces)('take time in proportion to a conversation of %j', (piece) => {
    expectLinear((text) => extractFacts([user(text)]), repeated(piece))
    expectLinear(titleOf, repeated(piece))
  })
})
