import { decodeEntities, htmlTitle } from '../src/web/html-tokens.ts'
import { htmlToText } from '../src/web/html-text.ts'

test.each([
  ['<p>one</p><p>two</p>', 'one\n\ntwo'],
  ['a<br>b<br/>c', 'a\nb\nc'],
  ['<ul><li>x<li>y</ul>', '- x\n- y'],
  ['<table><tr><td>1<td>2<tr><td>3</table>', '1 2\n 3'],
  ['a\n  b\t c', 'a b c'],
  ['<pre>a\n  b</pre>c', 'a\n  b\nc'],
  ['x<script>if (a < b) "</p>"</SCRIPT>y', 'xy'],
  ['x<style>p{}</style><!-- <p>no</p> -->y', 'xy'],
  ['<head><title>t</title></head><body>b', 'b'],
  ['<head><title>t</title><body>b', 'b'],
  ['<a title="1 > 0">x</a>', 'x'],
  ['<a title="never ends>x</a>', 'x'],
  ['<constructor>x</constructor>', 'x'],
  ['a < b > c', 'a < b > c'],
  ['a &lt;b&gt; &amp;amp; &#65;&#x42; &nosuch; &auml;', 'a <b> &amp; AB &nosuch; ä'],
  ['<script>never ends', ''],
  ['text <b', 'text'],
  ['<!doctype html><?xml?>x', 'x'],
  ['', ''],
])('%j', (html, text) => expect(htmlToText(html)).toBe(text))

test('references to what is no character', () => {
  expect(decodeEntities('&#0;&#xd800;&#x110000;&#9999999;')).toBe('\ufffd\ufffd\ufffd\ufffd')
  expect(decodeEntities('&constructor;&__proto__;')).toBe('&constructor;&__proto__;')
})

test('the title', () => {
  expect(htmlTitle('<html><TITLE lang=en>\n A &amp; B </title>')).toBe('A & B')
  expect(htmlTitle('<p>none')).toBe('')
})

test.each([
  ['&valueOf; &toString;', '&valueOf; &toString;'],
  ['&Aacute;&hearts;&rarr;&frac12;&NotEqualTilde;', 'Á♥→½≂̸'],
  ['caf&eacute &copy 2020', 'café © 2020'],
])('references: %j', (text, decoded) => expect(decodeEntities(text)).toBe(decoded))
