import fc from 'fast-check'
import { createLinkStream, deliverLinks, deliverPath, newId, createSecretBox, createSignedUrls } from '../src/index.ts'

/** A signature that shows what was signed. */
const sign = (path: string) => `ft=${'s'.repeat(22)}.9&fb=${Buffer.from(path).toString('base64url')}`
const deliver = (text: string) => deliverLinks(text, sign)
const signedAs = (path: string, before = path) => `${before}?${sign(path)}`
const file = '/v1/files/workspace/a.png'
const fresh = signedAs(file)
const old = 'ft=AAAAAAAAAAAAAAAAAAAAAA.1767225600'

it.each([
  ['by itself', file, fresh],
  ['of media', '/v1/media/0193', signedAs('/v1/media/0193')],
  ['in a sentence', `See ${file} now`, `See ${fresh} now`],
  ['in a Markdown image', `![a.png](${file})`, `![a.png](${fresh})`],
  ['in an HTML attribute', `<img src="${file}">`, `<img src="${fresh}">`],
  ['in JSON', `{"url":"${file}"}`, `{"url":"${fresh}"}`],
  ['in angle brackets', `<${file}>`, `<${fresh}>`],
  ['twice', `${file}\n${file}`, `${fresh}\n${fresh}`],
  ['in a linked image', `[![a](${file})](${file})`, `[![a](${fresh})](${fresh})`],
  ['with another query', `${file}?w=1`, `${file}?w=1&${sign(file)}`],
  ['with a fragment', `${file}#p2`, `${fresh}#p2`],
  ['with an old signature', `${file}?${old}`, fresh],
  ['with an old signature and its bearer', `${file}?${old}&fb=abc`, fresh],
  ['with an old signature amid others', `${file}?w=1&${old}&fb=abc&h=2`, `${file}?w=1&h=2&${sign(file)}`],
  ['with its prefix doubled', `/v1/files${file}`, fresh],
  ['with its prefix three times', `/v1/files/v1/files${file}`, fresh],
  ['as the target of a bare absolute link', '[r](/workspace/r.pdf)', `[r](${signedAs('/v1/files/workspace/r.pdf')})`],
  ['with a signature in the text of its link', `[${file}?${old}](${file})`, `[${file}](${fresh})`],
  ['with a dotted name in the text of its link', `[report.pdf](${file})`, `[report.pdf](${fresh})`],
])('a file %s is signed', (_where, given, expected) => {
  expect(deliver(given)).toBe(expected)
})

it.each(['/app/x', '/home/x', '/tmp/x', '/opt/x', '/data/x', '/workspace/x'])(
  'a link to %s gets the prefix',
  (path) => {
    expect(deliver(`[x](${path})`)).toBe(`[x](${signedAs(`/v1/files${path}`)})`)
  },
)

it.each([
  'nothing here',
  'a path /etc/passwd and (/workspace/a.png)',
  '[x](/etc/passwd)',
  '[x](/workspaces/a)',
  '/v1/filesystem/a and /v1/agents/a',
  'x/v1/files/a',
])('%p is left as it is', (text) => {
  expect(deliver(text)).toBe(text)
})

it.each([
  'https://evil.test/v1/files/a',
  '![x](https://evil.test/v1/files/a)',
  '![x](//evil.test/v1/files/a)',
  '![x](https://evil.test/?u=(/v1/files/a))',
  '![x](https://evil.test/?u=/v1/files/a)',
  '![x](https://evil.test/?u=[y](/v1/files/a))',
  '![x](https://evil.test/?u="/v1/files/a")',
  "![x](https://evil.test'/v1/files/a)",
  '![x](<https://evil.test/ /v1/files/a>)',
  '<img src="https://evil.test/ /v1/files/a">',
  '![x](https&#58;&#47;&#47;evil/(/v1/files/a))',
  '![x](\\\\evil\\(/v1/files/a))',
  'www.evil.test/?u=(/v1/files/a)',
  'evil.test/?u="/v1/files/a"',
  'mailto:(/v1/files/a)',
])('no signature leaves with a foreign URL: %p', (text) => {
  expect(deliver(text)).toBe(text)
})

it('a foreign URL does not keep the next link from being signed', () => {
  expect(deliver(`https://a.test/x ${file}`)).toBe(`https://a.test/x ${fresh}`)
  expect(deliver(`<https://a.test> ${file}`)).toBe(`<https://a.test> ${fresh}`)
})

it('a link that may not be signed stays, without an old signature', () => {
  const keep = (text: string) => deliverLinks(text, () => undefined)
  expect(keep(`![x](/v1/files/../x?${old})`)).toBe('![x](/v1/files/../x)')
})

const fragment = fc.constantFrom(
  file,
  `${file}?${old}`,
  '/v1/files',
  '/v1/media/7',
  '[',
  ']',
  '(',
  ')',
  '](',
  '<',
  '>',
  '"',
  "'",
  ' ',
  '\n',
  'https://',
  'evil.test',
  '/workspace/x',
  '.',
  '?',
  '&',
  '#',
  'é',
  old,
  'ft=',
  '\\',
  ':',
  'text',
)
const texts = fc
  .array(fc.oneof(fragment, fc.string({ maxLength: 5 })), { maxLength: 12 })
  .map((parts) => parts.join(''))

it('delivering twice is delivering once', () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(deliver(deliver(text))).toBe(deliver(text))
    }),
    { numRuns: 3_000 },
  )
})

it('changes nothing but signatures, prefixes of its own and link targets', () => {
  const stripped = (text: string) =>
    text
      .replace(/[?&]f[tb]=[\w.-]*(?=[?&#\s"'`)<>\]]|$)/g, '')
      .replaceAll('/v1/files', '')
      .replace(/[?&]/g, '')
  fc.assert(
    fc.property(texts, (text) => {
      expect(stripped(deliver(text))).toBe(stripped(text))
    }),
    { numRuns: 3_000 },
  )
})

it('what it signs is accepted as it stands', () => {
  const urls = createSignedUrls(createSecretBox(Buffer.alloc(32, 1)))
  const grant = { tenantId: newId(), userId: 'alice' }
  fc.assert(
    fc.property(fc.stringMatching(/^[\w.,=+~é-]{1,20}$/), (name) => {
      fc.pre(!/^\.+$/.test(name))
      const url = /\((.*)\)/.exec(deliverLinks(`![x](/v1/files/${name})`, (path) => urls.sign(path, grant)))![1]!
      expect(urls.check(url)).toEqual(grant)
    }),
  )
})

it('a text in pieces comes out as the whole would, and what holds no link at once', () => {
  fc.assert(
    fc.property(texts, fc.array(fc.nat({ max: 80 }), { maxLength: 10 }), (text, cuts) => {
      const stream = createLinkStream((path) => `ft=${path.length}.1`)
      const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).toSorted((a, b) => a - b), text.length]
      const shown = places.slice(1).map((end, index) => stream.push(text.slice(places[index], end)))
      shown.push(stream.end())
      expect(shown.join('')).toBe(deliverLinks(text, (path) => `ft=${path.length}.1`))
    }),
    { numRuns: 3_000 },
  )
  const stream = createLinkStream(() => 'ft=x')
  expect(['one', ' and/or', ' see /v1/fi', 'les/a.png now', '\nnext'].map((piece) => stream.push(piece))).toEqual([
    'one',
    ' and/or',
    ' see ',
    '',
    '/v1/files/a.png?ft=x now\nnext',
  ])
})

it.each([
  ['/data/ws/a.png', '/v1/files/data/ws/a.png?ft=x'],
  ['a b.png', '/v1/files/a%20b.png?ft=x'],
  ['/v1/media/7', '/v1/media/7?ft=x'],
  ['/v1/media/7?ft=old', '/v1/media/7?ft=x'],
  ['/data/../etc/passwd', ''],
  ['', ''],
])('the path %j is delivered as %j', (path, link) => {
  expect(deliverPath(path, () => 'ft=x')).toBe(link)
})

it('takes time in proportion to the text', () => {
  // A quadratic scan of this would run into the test's own limit.
  for (const part of ['[', '(/v1/files/x', '/v1/', '![', 'a.', '<', '/v1/files/v1/files']) {
    expect(deliver(part.repeat(200_000)).length).toBeGreaterThan(0)
    const stream = createLinkStream(() => 'ft=x')
    let shown = 0
    for (let piece = 0; piece < 200_000; piece++) shown += stream.push(part).length
    expect(shown + stream.end().length).toBeGreaterThan(0)
  }
})
