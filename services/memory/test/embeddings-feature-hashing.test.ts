import fc from 'fast-check'
import { featureHash, featureHashingSpace } from '../src/embeddings/feature-hashing.ts'

const similarity = (a: string, b: string) => {
  const other = featureHash(b)
  return featureHash(a).reduce((sum, component, index) => sum + component * other[index]!, 0)
}

describe('feature hashing', () => {
  it('gives every text a vector of length 1 and 256 components, always the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const vector = featureHash(text)
        expect(vector).toHaveLength(featureHashingSpace.dims)
        expect(Math.hypot(...vector)).toBeCloseTo(1, 9)
        expect(featureHash(text)).toEqual(vector)
      }),
    )
  })

  it('says plainly what it is', () => {
    expect(featureHashingSpace).toEqual({ provider: '', model: 'term-hashing-256', dims: 256 })
  })

  it('pins a few components, so that stored vectors stay comparable', () => {
    const vector = featureHash('the grey heron')
    const strongest = vector
      .map((value, index) => ({ value, index }))
      .toSorted((a, b) => Math.abs(b.value) - Math.abs(a.value))
    expect(strongest.slice(0, 3).map(({ value, index }) => [index, Number(value.toFixed(6))])).toMatchInlineSnapshot(`
     [
       [
         7,
         -0.550482,
       ],
       [
         141,
         -0.550482,
       ],
       [
         201,
         0.385337,
       ],
     ]
    `)
  })

  it('finds shared words and spellings nearer than none', () => {
    const query = 'where does the grey heron nest?'
    const near = similarity(query, 'Grey herons nest in tall trees near the river.')
    expect(near).toBeGreaterThan(similarity(query, 'The invoice is due on Friday.') + 0.1)
    expect(similarity('cá chép', 'Cá Chép!')).toBeCloseTo(1, 9)
    expect(similarity('苍鹭筑巢', '苍鹭在高树上筑巢')).toBeGreaterThan(similarity('苍鹭筑巢', '发票星期五到期') + 0.1)
  })
})
