/** What the mesh says, in all its languages. */
import {
  errorBody,
  errorKinds,
  locales,
  MeshError,
  pickLocale,
  translate,
  type ErrorCode,
  type MessageKey,
} from '../src/index.ts'
import { en } from '../src/messages/en.ts'
import { vi } from '../src/messages/vi.ts'
import { zh } from '../src/messages/zh.ts'

const catalogues: Record<string, Readonly<Record<string, string>>> = { en, vi, zh }
const keys = Object.keys(en) as MessageKey[]
const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).sort()
/** A text that is nothing but its parts has nothing to translate. */
const hasWords = (text: string): boolean => text.replace(/\{\w+\}/g, '').trim() !== ''

test('there is a catalogue for every language, and the tests know them all', () => {
  expect([...locales].sort()).toEqual(Object.keys(catalogues).sort())
})

describe.each(Object.entries(catalogues))('%s', (_locale, catalogue) => {
  it('has exactly the texts that English has', () => {
    expect(Object.keys(catalogue).sort()).toEqual([...keys].sort())
  })

  it.each(keys)('%s has the parts that English has, each as often', (key) => {
    expect(placeholders(catalogue[key]!)).toEqual(placeholders(en[key]))
    expect(catalogue[key]!.trim()).not.toBe('')
    expect(catalogue[key]!.replace(/\{\w+\}/g, '')).not.toMatch(/[{}]/)
  })
})

it.each(keys.filter((key) => hasWords(en[key])))('%s is another text in every language', (key) => {
  expect(new Set(locales.map((locale) => catalogues[locale]![key])).size).toBe(locales.length)
})

it('leaves no part of a text unfilled, and fills it with what is given, as it is', () => {
  expect(translate('en', 'error.not_found', { kind: 'agent', id: '{kind}$&' })).toBe('agent not found: {kind}$&')
  expect(translate('en', 'error.not_found')).toBe(' not found: ')
})

it.each([
  [undefined, 'en'],
  ['', 'en'],
  ['vi', 'vi'],
  ['vi-VN', 'vi'],
  ['zh-Hans-CN,zh;q=0.9', 'zh'],
  ['ZH', 'zh'],
  ['fr, de;q=0.5, vi;q=0.1', 'vi'],
  ['en;q=0.1, vi', 'en'],
  ['*', 'en'],
  ['__proto__', 'en'],
  ['constructor', 'en'],
  [`${'fr,'.repeat(10_000)}vi`, 'en'],
])('Accept-Language %p is read as %s', (header, locale) => {
  expect(pickLocale(header)).toBe(locale)
})

describe.each(Object.keys(errorKinds) as ErrorCode[])('%s', (code) => {
  const error = new MeshError(code, 'error.internal', {}, { cause: new Error('secret of the inside') })

  it.each(locales)(
    'is answered in %s with code, status and whether to try again, and nothing of its cause',
    (locale) => {
      const body = errorBody(error, locale)
      expect(body).toMatchObject({
        error: translate(locale, 'error.internal'),
        code: errorKinds[code].wire,
        retryable: errorKinds[code].retryable,
      })
      expect(JSON.stringify(body) + JSON.stringify(errorBody(error, locale, 'openai'))).not.toContain('secret')
    },
  )
})
