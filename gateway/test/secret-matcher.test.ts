import fc from 'fast-check'
import { hashOf } from '../src/admission/credentials.ts'
import { createSecretMatcher } from '../src/admission/secret-matcher.ts'

const onTheWire = (text: string) => Buffer.from(text).toString('latin1')
const matches = (secret: string, sent: string) => createSecretMatcher(secret)(hashOf(onTheWire(sent)))

it('matches the secret and nothing else, whatever the length of either', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary' }), (secret, other) => {
      expect(matches(secret, secret)).toBe(true)
      expect(matches(secret, other)).toBe(onTheWire(secret) === onTheWire(other))
      for (const near of [secret.slice(0, -1), `${secret}x`, secret + secret, ` ${secret}`, `${secret}\0`])
        expect(matches(secret, near)).toBe(false)
    }),
  )
})

it('compares digests of one length only: the secret itself, parts of its digest and other texts are no digest', () => {
  const match = createSecretMatcher('secret')
  const digest = hashOf('secret')
  expect(match(digest)).toBe(true)
  for (const wrong of ['', 'secret', digest.slice(0, -2), `${digest}00`, `${digest}zz`.slice(2), digest.slice(0, -1)])
    expect(match(wrong)).toBe(false)
})

it('lets nothing match an empty secret', () => {
  for (const sent of ['', ' ', 'null', 'undefined', '\0']) expect(matches('', sent)).toBe(false)
})
