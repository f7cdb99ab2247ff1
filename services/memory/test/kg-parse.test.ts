/** What models answer, well and badly, and texts cut into pieces. */
import fc from 'fast-check'
import { mergeExtractions, parseExtraction, repairJson } from '../src/knowledge-graph/extract/parse.ts'
import { pieceChars, piecesOf } from '../src/knowledge-graph/extract/pieces.ts'

const anna = { external_id: 'anna', name: 'Anna', entity_type: 'person', description: 'd', confidence: 0.9 }
const knows = { source_entity_id: 'anna', relation_type: 'knows', target_entity_id: 'bob', confidence: 0.85 }
const whole = JSON.stringify({ entities: [anna], relations: [knows] })
const read = {
  entities: [
    {
      externalId: 'anna',
      name: 'Anna',
      entityType: 'person',
      description: 'd',
      confidence: 0.9,
      properties: {},
      sourceId: '',
    },
  ],
  relations: [{ source: 'anna', type: 'knows', target: 'bob', confidence: 0.85 }],
}

describe('an answer', () => {
  it.each([
    ['as it should be', whole],
    ['in a code fence', `\`\`\`json\n${whole}\n\`\`\``],
    ['among other words', `Here you are:\n${whole}\nI hope this helps.`],
    ['with a comma at the end of a list', whole.replaceAll(']', ' , ]')],
    ['with a comma at the end of an object', whole.replaceAll('}', ',\n}')],
    ['with a space in a number', whole.replace('0.85', '0. 85')],
    ['with numbers as texts', whole.replace('0.85', '"0.85"')],
    [
      'in capitals and with spaces',
      whole.replaceAll('"anna"', '" ANNA "').replace('"knows"', '"Knows "').replace('"person"', '"PERSON"'),
    ],
  ])('is read: %s', (_what, content) => expect(parseExtraction(content)).toEqual(read))

  it.each([
    ['of no object', '[]', /no JSON object/],
    ['of nothing', '', /no JSON object/],
    ['that is a refusal', 'I cannot do that.', /no JSON object/],
    ['cut off', whole.slice(0, -20), /JSON/],
    ['in single quotes', "{'entities': []}", /JSON/],
    ['of more than a text can name', `{"entities":[${'{},'.repeat(20_000)}{}]}`, /more than a text can hold/],
  ])('is none: %s', (_what, content, reason) => expect(() => parseExtraction(content)).toThrow(reason))

  it('keeps what can be read of its items', () => {
    const entities = [
      anna,
      { ...anna, name: '' },
      { ...anna, external_id: 7 },
      null,
      'x',
      { ...anna, entity_type: undefined },
    ]
    const relations = [knows, { ...knows, target_entity_id: undefined }]
    expect(parseExtraction(JSON.stringify({ entities, relations }))).toEqual(read)
    expect(parseExtraction('{"entities":"none"}')).toEqual({ entities: [], relations: [] })
  })

  it('takes what a database cannot store out of texts', () => {
    const { entities } = parseExtraction(JSON.stringify({ entities: [{ ...anna, name: 'An\0na \ud800' }] }))
    expect(entities[0]!.name).toBe('Anna \ufffd')
  })

  it('without a confidence, or with a senseless one, is as sure as is asked for by default', () => {
    for (const confidence of [undefined, null, 'sure', 7, -1])
      expect(
        parseExtraction(JSON.stringify({ entities: [{ ...anna, confidence }] })).entities[0]!.confidence,
      ).toBeLessThanOrEqual(0.75)
  })
})

it('repairing changes nothing in what is right', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      expect(JSON.parse(repairJson(json))).toEqual(JSON.parse(json))
    }),
  )
})

it('the surest of two that mean the same is kept', () => {
  const extraction = (confidence: number, description: string) => ({
    entities: [{ ...read.entities[0]!, confidence, description }],
    relations: [{ ...read.relations[0]!, confidence }],
  })
  const merged = mergeExtractions([extraction(0.8, 'a'), extraction(0.9, 'b'), extraction(0.85, 'c')])
  expect(merged).toEqual(extraction(0.9, 'b'))
})

describe('pieces', () => {
  it('are cut at the last blank line of the second half', () => {
    const first = `${'a'.repeat(7_000)}\n\n${'b'.repeat(4_000)}`
    expect(piecesOf(`${first}\n\n${'c'.repeat(9_000)}`)).toEqual([first, 'c'.repeat(9_000)])
    const early = `${'a'.repeat(3_000)}\n\n${'b'.repeat(12_000)}`
    expect(piecesOf(early).map(({ length }) => length)).toEqual([pieceChars, early.length - pieceChars])
  })

  it('hold the whole text, none longer than 12000, no character halved', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '\n\n', '💥', 'word '.repeat(700)), { maxLength: 60 }), (parts) => {
        const text = parts.join('')
        const pieces = piecesOf(text)
        for (const piece of pieces) expect([piece.length <= pieceChars, piece.isWellFormed()]).toEqual([true, true])
        expect(pieces.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''))
      }),
    )
  })
})
