import fc from 'fast-check'
import { expectLinear, hostilePieces, repeated } from '../../../test/support/linear-time.ts'
import { scrub } from '../src/invoke/scrub.ts'
import { htmlTitle } from '../src/web/html-tokens.ts'
import { htmlToText } from '../src/web/html-text.ts'
import { layOutJson } from '../src/web/json-layout.ts'
import { htmlToMarkdown } from '../src/web/markdown.ts'
import { renderPage } from '../src/web/render.ts'
import { neutraliseMarkers } from '../src/web/untrusted.ts'

const page = 'https://example.com/dir/page'
const markdown = (html: string): string => htmlToMarkdown(html, page)

test.each([
  ['<h1>A <b>b</b></h1><p>c</p><h3></h3>', '# A **b**\n\nc'],
  ['<p>a <b> b </b> c<i>d</i><em></em></p>', 'a **b** c_d_'],
  ['<b>a<p>b</p></b>c', '**a**\n\n**b**\n\nc'],
  ['<b><i>a</b>b</i>', '**_a_**_b_'],
  ['a<br>b<br><br>c', 'a\nb\n\nc'],
  ['<ul><li>a<li>b<ol><li>c<li>d</ol><li></ul>e', '- a\n- b\n  1. c\n  2. d\n\ne'],
  ['<blockquote><p>a<p>b</blockquote>c', '> a\n>\n> b\n\nc'],
  ['<pre><code class="language-ts">if (a &lt; b)\n  c</code></pre>', '```ts\nif (a < b)\n  c\n```'],
  ['<pre>a ``` b</pre>', '````\na ``` b\n````'],
  ['x<code>y</code>z<hr>w', 'x`y`z\n\n---\n\nw'],
  ['<a href="../x">a</a>', '[a](https://example.com/x)'],
  ['<a href="javascript:x()">a</a><a href="#b">b</a><a>c</a>', 'abc'],
  ['<a href="/x"><a href="/y">b</a>', '[b](https://example.com/y)'],
  ['<img src="i.png" alt="a [b]"><img src="data:image/png;base64,x">', '![a b](https://example.com/dir/i.png)'],
  ['<table><tr><th>a<th>b|c</tr><tr><td>1<td><p>2</p><p>3</p></table>x', 'LAYOUT'],
  ['<table><tr><th>a<th>b|c</tr><tr><td>1<td>2</table>x', '| a | b\\|c |\n| --- | --- |\n| 1 | 2 |\n\nx'],
  ['<table><tr><td>a</tr><tr><td><ul><li>b</ul></table>', 'a\n\n- b'],
  [
    '<table><tr><td><table><tr><td>a<td>b</table><td>c</table>',
    '| \\| a \\| b \\| \\| --- \\| --- \\| | c |\n| --- | --- |',
  ],
  ['</table></td></a></ul></b></pre>a', 'a'],
  ['<constructor>a</constructor><__proto__>b', 'a<__proto__>b'],
  ['<script>x</script><style>y</style>a', 'a'],
  ['', ''],
])('%j', (html, expected) =>
  expect(markdown(html)).toBe(expected === 'LAYOUT' ? 'a\n\nb|c\n\n1\n\n2\n\n3\n\nx' : expected),
)

test('property: every word of a page comes through, whatever its tags do', () => {
  const names = 'p div b i code a ul ol li table tr td th pre blockquote h2 br hr span'.split(' ')
  const tag = fc.tuple(fc.constantFrom('<', '</'), fc.constantFrom(...names)).map(([open, name]) => `${open}${name}>`)
  let count = 0
  const word = fc.constant(null).map(() => `w${++count}w`)
  fc.assert(
    fc.property(fc.array(fc.oneof(tag, word, fc.constant(' ')), { maxLength: 60 }), (parts) => {
      const html = parts.join('')
      const rendered = markdown(html)
      for (const [found] of html.matchAll(/w\d+w/g)) expect(rendered).toContain(found)
      expect(rendered).toBe(rendered.trim())
    }),
    { numRuns: 2_000 },
  )
})

const tags = 'a b p ul ol li table tr td pre blockquote h1 span script title select svg br'.split(' ')
const pieces = [
  ...hostilePieces,
  ...tags.flatMap((name) => [`<${name}>`, `</${name}>`, `<${name}>x`, `<${name}></${name}>`]),
  ...[
    '<ul><li>x',
    '<table><tr><td>x',
    '<tr><td>x',
    '<a href="x">y',
    '<b></i>',
    '<b><i></b></i>',
    '<a b="',
    '<a b=\'"',
    '<a b=c d',
  ],
  ...[
    '[',
    '[1,',
    '{"a":',
    '"\\"',
    '&amp',
    '&NotEqual',
    '<img src=x>',
    '<pre>```',
    'EXTERNAL_UNTRUSTED',
    '‹‹',
    '\ufdfa',
  ],
]

describe.each([
  ['htmlToMarkdown', markdown],
  ['htmlToText', htmlToText],
  ['htmlTitle', htmlTitle],
  ['layOutJson', layOutJson],
  ['neutraliseMarkers', neutraliseMarkers],
  ['scrub', (text: string) => scrub(text, { secrets: ['hunter2'], serverAddresses: ['93.184.216.34'] })],
] as const)('%s takes time in proportion to its text', (_name, work) => {
  test.each(pieces)('made of %j', (piece) => expectLinear(work, repeated(piece)))
})

test.each([32_768, 500_000])('JSON of %d arrays in each other stays as it is', (depth) => {
  const json = '['.repeat(depth) + ']'.repeat(depth)
  expect(renderPage({ as: 'json', text: json, url: page }).text).toBe(json)
})

test('JSON that would become many times as long stays as it is', () => {
  const json = '['.repeat(100) + '1,'.repeat(100_000) + '1' + ']'.repeat(100)
  expect(layOutJson(json)).toBe(json)
  expect(layOutJson('[[1]]')).toBe('[\n  [\n    1\n  ]\n]')
})
