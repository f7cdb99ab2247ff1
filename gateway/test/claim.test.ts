import { createHash } from 'node:crypto'
import { MeshError } from '@clawmesh/contracts'
import fc from 'fast-check'
import { bearerOf, readCredentials } from '../src/admission/credentials.ts'

/** A text as Node hands over the bytes of a header. */
const onTheWire = (text: string): string => Buffer.from(text).toString('latin1')

describe('a bearer', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['Bearer  abc', ' abc'],
    ['bearer abc', 'abc'],
    ['BEARER abc', 'abc'],
    ['bearerabc', ''],
    ['Bearer\tabc', ''],
    ['Bearer', ''],
    ['Bearer ', ''],
    ['Basic abc', ''],
    ['', ''],
    [undefined, ''],
    [`Bearer ${'x'.repeat(8_192)}`, ''],
  ])('in %j is %j', (header, token) => {
    expect(bearerOf(header)).toBe(token)
  })

  it('is hashed as the bytes that were sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }), (token) => {
        const claim = readCredentials({ authorization: `Bearer ${onTheWire(token)}` })
        expect(claim.bearerHash).toBe(createHash('sha256').update(token).digest('hex'))
      }),
    )
  })
})

describe('a user id', () => {
  const userIdOf = (value: string) => readCredentials({ 'x-goclaw-user-id': value }).userId

  it('is whatever was sent, in any script, up to 255 bytes', () => {
    const printable = fc.string({ unit: 'grapheme', maxLength: 400 }).filter((text) => !/\p{Cc}/u.test(text))
    fc.assert(
      fc.property(printable, (id) => {
        expect(userIdOf(onTheWire(id))).toBe(Buffer.byteLength(id) <= 255 ? id : '')
      }),
    )
  })

  it('over 255 bytes counts as absent', () => {
    expect(userIdOf('x'.repeat(255))).toBe('x'.repeat(255))
    expect(userIdOf('x'.repeat(256))).toBe('')
    expect(userIdOf(onTheWire('ố'.repeat(100)))).toBe('')
  })

  it.each([
    ['a tab', 'a\tb'],
    ['a line feed', 'a\nX-GoClaw-Tenant-Id: other'],
    ['NUL', 'a\0'],
    ['delete', 'a\u007f'],
    ['a C1 control', onTheWire('a\u0085b')],
    ['bytes that are no UTF-8', 'a\u00ff'],
    ['an over-long encoding of a slash', '\u00c0\u00af'],
  ])('with %s is refused', (_, value) => {
    expect(() => userIdOf(value)).toThrow(MeshError)
    expect(() => userIdOf(value)).toThrow('invalid header X-GoClaw-User-Id')
  })
})

it('never throws anything but INVALID_REQUEST, whatever the headers say', () => {
  const value = fc.option(fc.string({ unit: 'binary', maxLength: 5_000 }), { nil: undefined })
  fc.assert(
    fc.property(value, value, value, value, (authorization, userId, tenant, language) => {
      try {
        const claim = readCredentials({
          authorization,
          'x-goclaw-user-id': userId,
          'x-goclaw-tenant-id': tenant,
          'accept-language': language,
        })
        expect(claim.userId).not.toMatch(/\p{Cc}/u)
        expect(claim.tenant).not.toMatch(/\p{Cc}/u)
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'INVALID_REQUEST' })
      }
    }),
  )
})
