/** Tool calls come out the same however a server cuts them up. */
import fc from 'fast-check'
import type { ChatResponse } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { finishedCall, finishedCalls, createToolCallAssembly } from '../src/chat/protocols/tool-calls.ts'
import { toolCall } from './support.ts'

interface Fragment {
  index?: number
  id?: string
  function?: { name?: string; arguments?: unknown }
  extra_content?: unknown
}

const assemble = (deltas: Fragment[][]) => {
  const events: ChatResponse[] = []
  const assembly = createToolCallAssembly((event) => events.push(event))
  for (const delta of deltas) assembly.add(delta)
  return { calls: assembly.finish().map(({ call }) => call), events }
}

const pair = [toolCall('a', 'f', '{"x":1}'), toolCall('b', 'g', '{"y":"z"}')]

describe('an assembly', () => {
  const written: [string, Fragment[][]][] = [
    [
      'as the protocol has it',
      [
        [{ index: 0, id: 'a', function: { name: 'f', arguments: '' } }],
        [{ index: 0, function: { arguments: '{"x"' } }],
        [{ index: 0, function: { arguments: ':1}' } }],
        [{ index: 1, id: 'b', function: { name: 'g', arguments: '' } }],
        [{ index: 1, function: { arguments: '{"y":"z"}' } }],
      ],
    ],
    [
      'interleaved',
      [
        [
          { index: 0, id: 'a', function: { name: 'f' } },
          { index: 1, id: 'b', function: { name: 'g' } },
        ],
        [
          { index: 1, function: { arguments: '{"y":' } },
          { index: 0, function: { arguments: '{"x"' } },
        ],
        [
          { index: 0, function: { arguments: ':1}' } },
          { index: 1, function: { arguments: '"z"}' } },
        ],
      ],
    ],
    [
      'with several fragments of a call in one delta',
      [
        [
          { index: 0, id: 'a', function: { name: 'f', arguments: '{' } },
          { index: 0, function: { arguments: '"x":1' } },
          { index: 0, function: { arguments: '}' } },
          { index: 1, id: 'b', function: { name: 'g', arguments: '{"y":"z"}' } },
        ],
      ],
    ],
    [
      'with id and name repeated in every fragment',
      [
        [{ index: 0, id: 'a', function: { name: 'f', arguments: '{"x"' } }],
        [{ index: 0, id: 'a', function: { name: 'f', arguments: ':1}' } }],
        [{ index: 1, id: 'b', function: { name: 'g', arguments: '{"y"' } }],
        [{ index: 1, id: 'b', function: { name: 'g', arguments: ':"z"}' } }],
      ],
    ],
    [
      'with id and name late',
      [
        [{ index: 0, function: { arguments: '{"x"' } }],
        [{ index: 0, function: { name: 'f', arguments: ':1}' } }],
        [{ index: 0, id: 'a' }],
        [{ index: 1, id: 'b', function: { arguments: '{"y"' } }],
        [{ index: 1, function: { name: 'g', arguments: ':"z"}' } }],
      ],
    ],
    [
      'with no index',
      [
        [{ id: 'a', function: { name: 'f', arguments: '{"x"' } }],
        [{ function: { arguments: ':1}' } }],
        [{ id: 'b', function: { name: 'g', arguments: '{"y"' } }],
        [{ function: { arguments: ':"z"}' } }],
      ],
    ],
    [
      'with no index, and ids in every fragment of interleaved calls',
      [
        [{ id: 'a', function: { name: 'f', arguments: '{"x"' } }],
        [{ id: 'b', function: { name: 'g', arguments: '{"y"' } }],
        [{ id: 'a', function: { arguments: ':1}' } }],
        [{ id: 'b', function: { arguments: ':"z"}' } }],
      ],
    ],
    [
      'with no index, whole calls in one delta',
      [
        [
          { id: 'a', function: { name: 'f', arguments: '{"x":1}' } },
          { id: 'b', function: { name: 'g', arguments: '{"y":"z"}' } },
        ],
      ],
    ],
    [
      'with no index and fragments by position',
      [
        [
          { id: 'a', function: { name: 'f' } },
          { id: 'b', function: { name: 'g' } },
        ],
        [{ function: { arguments: '{"x":1}' } }, { function: { arguments: '{"y":"z"}' } }],
      ],
    ],
    [
      'with index 0 for every call',
      [
        [{ index: 0, id: 'a', function: { name: 'f', arguments: '{"x":1}' } }],
        [{ index: 0, id: 'b', function: { name: 'g', arguments: '{"y"' } }],
        [{ index: 0, function: { arguments: ':"z"}' } }],
      ],
    ],
    [
      'with arguments as objects',
      [
        [{ index: 0, id: 'a', function: { name: ' f', arguments: { x: 1 } } }],
        [{ index: 1, id: 'b', function: { name: 'g ', arguments: { y: 'z' } } }],
      ],
    ],
    [
      'with a new random id on every fragment',
      [
        [{ index: 0, id: 'a', function: { name: 'f', arguments: '{"x"' } }],
        [{ index: 0, id: 'random', function: { arguments: ':1}' } }],
        [{ index: 1, id: 'b', function: { name: 'g', arguments: '{"y":"z"' } }],
        [{ index: 1, id: 'random2', function: { name: 'g', arguments: '}' } }],
      ],
    ],
  ]
  it.each(written)('%s', (_name, deltas) => {
    expect(assemble(deltas).calls).toEqual(pair)
  })

  it('keeps calls of one name without ids apart', () => {
    const { calls } = assemble([
      [{ index: 0, function: { name: 'f', arguments: '{"n":1}' } }],
      [{ index: 0, function: { name: 'f', arguments: '{"n":2}' } }],
    ])
    expect(calls.map(({ argumentsJson }) => argumentsJson)).toEqual(['{"n":1}', '{"n":2}'])
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
    expect(calls[0]!.id).toMatch(/^call_[0-9a-f]{24}$/)
  })

  it('gives the same calls for any split of their arguments and any order between calls', () => {
    const args = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value))
    const plan = fc.array(
      fc.record({ args, cuts: fc.array(fc.nat(), { maxLength: 6 }), repeats: fc.boolean(), lateId: fc.boolean() }),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(plan, fc.array(fc.nat(), { maxLength: 30 }), fc.boolean(), (calls, order, bunched) => {
        const queues = calls.map(({ args, cuts, repeats, lateId }, index) => {
          const at = [...new Set([0, ...cuts.map((cut) => cut % args.length), args.length])].sort((a, b) => a - b)
          const texts = at.slice(0, -1).map((from, i) => args.slice(from, at[i + 1]))
          const fragments = texts.map((text, i): Fragment => {
            const head = i === 0 || repeats
            return {
              index,
              ...(head && !lateId ? { id: `call_${index}` } : {}),
              function: { ...(head ? { name: `tool_${index}` } : {}), arguments: text },
            }
          })
          return lateId ? [...fragments, { index, id: `call_${index}` }] : fragments
        })
        const fragments: Fragment[] = []
        // First fragments come in order: it is what numbers the calls.
        for (const queue of queues) fragments.push(queue.shift()!)
        for (const pick of order) {
          const next = queues[pick % queues.length]!.shift()
          if (next) fragments.push(next)
        }
        fragments.push(...queues.flat())
        const deltas = bunched ? [fragments] : fragments.map((fragment) => [fragment])
        const { calls: got, events } = assemble(deltas)
        expect(got).toEqual(calls.map(({ args }, index) => toolCall(`call_${index}`, `tool_${index}`, args)))
        const streamed = calls.map(() => '')
        for (const { event } of events)
          if (event?.$case === 'toolCallDelta') streamed[event.value.index] += event.value.argumentsDelta
        expect(streamed).toEqual(calls.map(({ args }) => args))
      }),
      { numRuns: 1_000 },
    )
  })

  it('announces id and name once', () => {
    const { events } = assemble([
      [{ index: 0, id: 'a', function: { name: 'f', arguments: '{' } }],
      [{ index: 0, id: 'a', function: { name: 'f', arguments: '}' } }],
    ])
    expect(events.map(({ event }) => event?.value)).toEqual([
      { index: 0, id: 'a', name: 'f', argumentsDelta: '{' },
      { index: 0, id: '', name: '', argumentsDelta: '}' },
    ])
  })
})

describe('a finished call', () => {
  it.each([
    ['', '{}', ''],
    ['  ', '{}', ''],
    ['null', '{}', ''],
    [' {"a":1} ', '{"a":1}', ''],
    ['[1]', '{}', 'not a JSON object'],
    ['"text"', '{}', 'not a JSON object'],
    ['{"a":', '{}', 'not valid JSON'],
  ])('of %p has arguments %p', (text, argumentsJson, parseError) => {
    const call = finishedCall('id', ' name ', text)
    expect(call).toMatchObject({ id: 'id', name: 'name', argumentsJson })
    expect(call.parseError).toContain(parseError)
    if (parseError === '') expect(call.parseError).toBe('')
  })

  it('has an id of its own among the others', () => {
    const named = (id: string, name: string) => ({ id, name, argumentsText: '{}' })
    const calls = finishedCalls([named('x', 'f'), named('x', 'g'), named('x_2', 'h'), named('x', 'i')])
    expect(new Set(calls.map(({ id }) => id)).size).toBe(4)
    expect(calls[0]!.id).toBe('x')
  })

  const ofValues = (count: number) => `{"list":[${Array(count).fill('1').join(',')}]}`

  it('is unreadable when its arguments are made of more values than anybody looks at', () => {
    expect(finishedCall('id', 'f', ofValues(19_998))).toMatchObject({ argumentsJson: ofValues(19_998), parseError: '' })
    expect(finishedCall('id', 'f', ofValues(20_000))).toMatchObject({
      argumentsJson: '{}',
      parseError: 'arguments are made of too many values: at most 20000 in one answer',
    })
  })

  it('shares that bound with the other calls of its answer', () => {
    const call = { id: '', name: 'f', argumentsText: ofValues(9_000) }
    expect(
      finishedCalls([call, call, call, { ...call, argumentsText: '{"a":1}' }]).map(({ parseError }) => parseError),
    ).toEqual(['', '', expect.stringContaining('too many values'), ''])
  })
})

it('takes 300,000 fragments, each with the name and a closing bracket, in linear time', () => {
  // Parsed at every fragment, this is a hundred billion characters, and the test would not end.
  const assembly = createToolCallAssembly(() => undefined)
  assembly.add([{ index: 0, function: { name: 'f', arguments: '{"a":"' } }])
  for (let at = 0; at < 300_000; at++) assembly.add([{ index: 0, function: { name: 'f', arguments: '}' } }])
  const [made] = assembly.finish()
  expect(made!.call.parseError).toContain('not valid JSON')
})
