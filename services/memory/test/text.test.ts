import fc from 'fast-check'
import { fold } from '../src/text/fold.ts'
import { wantedBy } from '../src/text/question.ts'
import { nameSimilarity } from '../src/text/similarity.ts'
import { hangulStem, termsOf } from '../src/text/terms.ts'

/** What a question looks for first, without the quotes of tsquery. */
const wanted = (question: string) =>
  wantedBy(question).map((ways) => ways.map(({ query }) => query.replaceAll("'", '')))

describe('folding', () => {
  it.each([
    ['Đà Nẵng', 'da nang'],
    ['Straße', 'strasse'],
    ['Ｆｕｌｌ　ｗｉｄｔｈ', 'full width'],
    ['Łódź', 'lodz'],
    ['한국어', '한국어'],
    ['ガギグ', 'ガギグ'],
    ['北京', '北京'],
  ])('%s', (text, folded) => expect(fold(text)).toBe(folded))

  it('of a folded text changes nothing', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => expect(fold(fold(text))).toBe(fold(text))))
  })
})

describe('terms', () => {
  it.each([
    ['deployment deployments deployed deploys', ['deploi']],
    ['Đà', ['da', 'đà']],
    ['getUserName', ['getusernam', 'get', 'user', 'name']],
    ['部署失败', ['部署', '署失', '失败', '败']],
    ['서버가', ['서버가', '서버', '버가', '가']],
    ['', []],
    ['( ) — !', []],
  ])('of %p', (text, terms) => expect(termsOf(text)).toEqual(terms))

  it('are short, however long a word is, and never empty', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        for (const term of termsOf(text)) expect([term !== '', term.length <= 260]).toEqual([true, true])
      }),
    )
  })

  it('take Korean particles off nouns of two syllables and more', () => {
    expect(['서버가', '서버에서는', '회의를', '나는', '서버'].map(hangulStem)).toEqual([
      '서버',
      '서버',
      '회의',
      '나는',
      '서버',
    ])
  })
})

describe('a question', () => {
  it('looks for its telling words', () => {
    expect(wanted('When did the deployment fail?')).toEqual([
      ['deploi', 'deploi:*'],
      ['fail', 'fail:*'],
    ])
    expect(wanted('部署什么时候失败的').map(([first]) => first)).toEqual(['部署', '失败'])
    expect(wanted('京都ではどこに泊まりましたか').map(([first]) => first)).toEqual(['京都', 'に泊', '泊ま', 'まり'])
    expect(wanted('khi nào có Đà').flat()).toEqual(['đà', 'da'])
  })

  it('looks for two characters of Han side by side, and for less where they stand apart', () => {
    expect(wantedBy('锁表')).toEqual([
      [
        { query: "'锁表'", weight: 1 },
        { query: "('锁':* & '表':*)", weight: 0.3 },
      ],
    ])
    expect(wantedBy('まり')).toEqual([[{ query: "'まり'", weight: 1 }]])
  })

  it('of stop words alone looks for those', () => {
    expect(wanted('who is it')).toHaveLength(3)
  })

  it('of signs alone looks for nothing', () => {
    for (const signs of ['', '(', '?!', '💥', '\u0300']) expect(wanted(signs)).toEqual([])
  })

  it('looks for at most 32 words', () => {
    expect(wanted(Array.from({ length: 100 }, (_, i) => `word${i}`).join(' '))).toHaveLength(32)
  })
})

describe('the similarity of names', () => {
  it.each([
    ['MARTHA', 'marhta', 0.961],
    ['DIXON', 'DICKSONX', 0.813],
    ['DWAYNE', 'DUANE', 0.84],
    ['', '', 1],
    ['a', '', 0],
    ['abc', 'xyz', 0],
  ])('of %p and %p', (a, b, expected) => expect(nameSimilarity(a, b)).toBeCloseTo(expected, 2))

  it('is 1 for a name and itself, the same both ways, and between 0 and 1', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(nameSimilarity(a, a)).toBe(1)
        const similarity = nameSimilarity(a, b)
        expect(nameSimilarity(b, a)).toBeCloseTo(similarity, 9)
        expect([similarity >= 0, similarity <= 1]).toEqual([true, true])
      }),
    )
  })
})
