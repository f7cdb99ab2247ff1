import { slugPattern } from '@clawmesh/contracts'
import fc from 'fast-check'
import { keyOfName } from '../src/ids/key-of-name.ts'

describe('a key from a name', () => {
  it.each([
    ['Acme Ltd. (EU)', 'acme-ltd-eu'],
    ['Müller & Söhne', 'muller-sohne'],
    ['Công ty Phở Việt', 'cong-ty-pho-viet'],
    ['Công ty Phở Việt'.normalize('NFD'), 'cong-ty-pho-viet'],
    ['Молоко', 'moloko'],
    ['Ελλάδα', 'ellada'],
    ['北京', 'beijing'],
    ['Straße 7', 'strasse-7'],
    ['  --x--  ', 'x'],
    ['🎉 party 🎉', 'party'],
    ['٣ files', '3-files'],
  ])('of %j is %j', (name, key) => {
    expect(keyOfName(name, 'tenant', 100)).toBe(key)
  })

  it.each(['', ' ', '!?', '🎉', '\u0301'])('of %j, which has neither letters nor digits, is made up', (name) => {
    expect(keyOfName(name, 'agent', 100)).toMatch(/^agent-[0-9a-f]{6}$/)
    expect(keyOfName(name, 'tenant', 100)).not.toBe(keyOfName(name, 'tenant', 100))
  })

  it.each(['Default', 'MASTER', ' system ', 'máster', '0193a5b0-7000-7000-8000-00000000ffff'])(
    'is neither a reserved word nor of the form of an id: %j',
    (name) => {
      expect(keyOfName(name, 'tenant', 100)).toMatch(/^tenant-./)
      expect(keyOfName(name, 'agent', 100)).toMatch(/^agent-./)
    },
  )

  it('is a slug of the length that is allowed, of whatever text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), fc.integer({ min: 20, max: 100 }), (name, max) => {
        const key = keyOfName(name, 'tenant', max)
        expect(key).toMatch(slugPattern)
        expect(key.length).toBeLessThanOrEqual(max)
      }),
      { numRuns: 2_000 },
    )
  })
})
