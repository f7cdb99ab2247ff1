import { redactSecrets } from '@clawmesh/chassis'
import fc from 'fast-check'
import { cleanJson, cleanText, storable } from '../src/intake/clean.ts'
import { expectLinear, repeated } from '../../../test/support/linear-time.ts'

const secret = 'Zx9' + 'q7Rt'.repeat(8)

describe('credentials', () => {
  it.each([
    ['an OpenAI key', `sk-proj-${secret}`],
    ['a key of ours', `goclaw_${'0123456789abcdef'.repeat(2)}`],
    ['a GitHub token', `ghp_${secret}`],
    ['an AWS key id', 'AKIAIOSFODNN7EXAMPLE'],
    ['a Google key', `AIza${secret}`],
    ['a Slack token', `xoxb-123456-${secret}`],
    ['a Telegram token', `123456789:${secret}`],
    ['a JSON web token', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${secret}`],
    ['a private key', `-----BEGIN RSA PRIVATE KEY-----\n${secret}\n-----END RSA PRIVATE KEY-----`],
    ['a private key that was cut', `-----BEGIN PRIVATE KEY-----\n${secret}`],
  ])('%s is cut out of a text, whatever stands around it', (_, key) => {
    for (const text of [key, `use ${key} here`, `{"content":"key: ${key}"}`, `[${key}]`]) {
      expect(redactSecrets(text)).not.toContain(key.slice(-12))
      expect(redactSecrets(text)).toContain('[REDACTED]')
    }
  })

  it.each([
    `Authorization: Bearer ${secret}`,
    `authorization: Basic ${secret}`,
    `curl -H "Authorization: Bearer ${secret}"`,
    `postgres://admin:${secret}@db.example:5432/app`,
    `{"api_key":"${secret}"}`,
    `{"args":"{\\"client_secret\\":\\"${secret}\\"}"}`,
    `{"password": "two words ${secret}"}`,
    `OPENAI_API_KEY=${secret}`,
    `access_token: ${secret}`,
  ])('are cut out of %s', (text) => {
    expect(redactSecrets(text)).not.toContain(secret)
  })

  it.each([
    'The bearer of responsibilities reads {"input_tokens": 1200, "max_tokens": 4096}.',
    'GET https://example.com/a/b?page=2 took 12:30:45',
    'sk-8 is too short to be a key, and so is eyJ',
    'call get_weather({"city": "Basel"}) at 2026-11-20T12:00:00Z',
  ])('are not seen in %s', (text) => {
    expect(redactSecrets(text)).toBe(text)
  })

  it('are cut out of objects by the names of their fields', () => {
    const cleaned = cleanJson(
      { headers: { Authorization: secret, Accept: 'json' }, list: [{ apiKey: secret }], n: 1 },
      99,
    )
    expect(cleaned).toEqual({
      headers: { Authorization: '[REDACTED]', Accept: 'json' },
      list: [{ apiKey: '[REDACTED]' }],
      n: 1,
    })
  })

  it.each([
    ...['eyJ-', 'sk-', 'a:', 'Bearer ', 'api_key=', 'https://a', '"secret":"', '-----BEGIN PRIVATE KEY-----'],
    ...['authorization ', '\0', '\ud800'],
  ])('are looked for in time in proportion to a text made of %j', (piece) =>
    expectLinear((text) => cleanText(text, text.length), repeated(piece)),
  )
})

describe('texts', () => {
  it('become something that PostgreSQL can store', () => {
    expect(storable('a\0b\ud800c')).toBe('a\uFFFDb\uFFFDc')
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const cleaned = cleanText(text, 50) ?? ''
        return cleaned.isWellFormed() && !cleaned.includes('\0')
      }),
    )
  })
})

describe('a text of megabytes', () => {
  const words = 'words and more words. '.repeat(200_000)
  const long = `sk-proj-${secret} ${words} ghp_${secret} ${words} ghp_${secret}`

  it('has its length told and its credentials taken out, and is searched no further than to what is kept of it', () => {
    const cleaned = cleanText(long, 1_000)!
    const [head, omitted, tail] = cleaned.split(/\n\.\.\. \[(\d+) characters omitted\] \.\.\.\n/)
    expect([head!.startsWith('[REDACTED] words'), tail!.endsWith(' [REDACTED]')]).toEqual([true, true])
    expect(cleaned.length).toBeLessThanOrEqual(1_000)
    // Each key gives way to a shorter word but for the one in the middle, which counts as the text that it is in.
    const shortened = `sk-proj-${secret}`.length + `ghp_${secret}`.length - 2 * '[REDACTED]'.length
    expect(head!.length + Number(omitted) + tail!.length).toBe(long.length - shortened + 1)
  })

  it('does not keep the others of its object company without end', () => {
    const texts = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`t${at}`, 'x'.repeat(20_000)]))
    const cleaned = Object.values(cleanJson(texts, 1_000))
    expect(cleaned.filter((text) => text !== '[left out]')).toHaveLength(2)
    expect(cleanJson({ a: 'x'.repeat(20_000), list: ['short'] }, 1_000)).toMatchObject({ list: ['short'] })
  })
})
