import fc from 'fast-check'
import { scrub, scrubDeep } from '../src/invoke/scrub.ts'
import { expectLinear, repeated } from '../../../test/support/linear-time.ts'

const alphanumerics = 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6'

// Put together here, so that no scanner takes this file for a leak.
test.each([
  ['sk' + '-' + alphanumerics],
  ['sk' + '-ant-api03-' + alphanumerics],
  ['sk' + '-proj-' + alphanumerics],
  ['goclaw' + '_0123456789abcdef0123456789abcdef'],
  ...['p', 'o', 'u', 's', 'r'].map((kind) => ['gh' + kind + '_' + alphanumerics]),
  ['AKIA' + 'IOSFODNN7EXAMPLE'],
  ['AIza' + alphanumerics.slice(0, 35)],
  ['eyJhbGciOiJIUzI1NiJ9' + '.eyJzdWIiOiIxMjM0In0' + '.c2lnbmF0dXJlLWhlcmU'],
  ['postgres' + '://user:pass@db.example:5432/app'],
  ['mongodb+srv' + '://u:p@host/db'],
  ['redis' + '://:pw@host:6379/0'],
  ['amqps' + '://u:p@h/v'],
  ['-----BEGIN RSA ' + 'PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----'],
  ['-----BEGIN ' + 'PRIVATE KEY-----\ncut off'],
  ['0123456789abcdef'.repeat(4)],
])('%s', (secret) => {
  expect(scrub(secret)).toBe('[REDACTED]')
  expect(scrub(`say "${secret}"`)).not.toContain(secret.slice(8, 24))
})

test.each([
  ['API_KEY: abcdefgh1', 'API_KEY: [REDACTED]'],
  ['"password": "hunter2hunter2"', '"password": "[REDACTED]"'],
  ['Authorization: Bearer abc123def456', 'Authorization: Bearer [REDACTED]'],
  ['authorization: Basic dXNlcjpwYXNz', 'authorization: Basic [REDACTED]'],
  ['curl -H "X: Bearer abcdef0123456789"', 'curl -H "X: Bearer [REDACTED]"'],
  ['MY_SERVICE_KEY=abcdefgh', 'MY_SERVICE_KEY=[REDACTED]'],
  ["AWS_PRIVATE='abcdefgh'", "AWS_PRIVATE='[REDACTED]'"],
  ['DATABASE_URL=sqlite:///data.db', 'DATABASE_URL=[REDACTED]'],
  ['VIRTUAL_X=abcd', 'VIRTUAL_X=[REDACTED]'],
])('%s: the name stays', (text, clean) => expect(scrub(text)).toBe(clean))

test.each([
  'HTTP Basic authentication and Bearer authentication',
  'the bearer of bad news',
  'sk-learn, sk-short',
  'key = 5',
  'a sha1 0123456789abcdef0123456789abcdef01234567',
  'postgres is a database',
  'The secret of success is work',
])('%j is no secret', (text) => expect(scrub(text)).toBe(text))

test('values that are known to be secrets, the longest first', () => {
  const secrets = ['hunter2', 'hunter2-long', 'short', '']
  expect(scrub('hunter2-long and hunter2, short', { secrets })).toBe('[REDACTED] and [REDACTED], short')
})

test.each(['193.184.216.34', '93.184.216.345', '93.184.216.34.7', '193-184-216-34', '11572395042'])(
  '%s is not the own address',
  (text) => expect(scrub(text, { serverAddresses: ['93.184.216.34'] })).toBe(text),
)

test('the own address in a range, in a name and at the end of a sentence', () => {
  const text = '93.184.216.34-93.184.216.40, ec2-93-184-216-34.example.com, at 93.184.216.34.'
  expect(scrub(text, { serverAddresses: ['93.184.216.34'] })).toBe(
    '[SERVER_IP]-93.184.216.40, ec2-[SERVER_IP].example.com, at [SERVER_IP].',
  )
})

test('the own addresses, in every way they are written', () => {
  const text = '93.184.216.34 93-184-216-34 1572395042 34.216.184.93.in-addr.arpa 93.184.216.35'
  expect(scrub(text, { serverAddresses: ['93.184.216.34'] })).toBe(
    '[SERVER_IP] [SERVER_IP] [SERVER_IP] [SERVER_IP] 93.184.216.35',
  )
})

test('every text inside metadata', () => {
  const secrets = ['hunter2']
  expect(scrubDeep({ a: ['hunter2', 1, null], b: { c: 'x hunter2' } }, { secrets })).toEqual({
    a: ['[REDACTED]', 1, null],
    b: { c: 'x [REDACTED]' },
  })
})

test.each([
  ...['A', 'KEY', '-----BEGIN PRIVATE KEY-----', 'a.', 'Bearer ', 'eyJ', 'token:', '=', '0'],
  ...['93.', '93-', '93.184.216.3', 'hunter'],
])('takes time in proportion to the text: %j', (piece) =>
  expectLinear(
    (text) => scrub(text, { secrets: ['hunter2', 'aaaaaa'], serverAddresses: ['93.184.216.34'] }),
    repeated(piece),
  ),
)

test('property: scrubbing twice changes nothing more', () => {
  const piece = fc.constantFrom('token', '=', ':', ' ', 'abcdefgh1', '"', 'KEY', 'Bearer ', '[', ']', ',', 'x')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 15 }), (pieces) => {
      const once = scrub(pieces.join(''))
      expect(scrub(once)).toBe(once)
    }),
    { numRuns: 3000 },
  )
})
