import { contractErrors } from './contract-errors.ts'
import { en } from './en.ts'
import { replies } from './replies.ts'
import { tools } from './tools.ts'
import { vi } from './vi.ts'
import { words } from './words.ts'
import { zh } from './zh.ts'

export const locales = ['en', 'vi', 'zh'] as const
export type Locale = (typeof locales)[number]

/** Texts whose languages stand side by side. */
const sideBySide = { ...contractErrors, ...replies, ...tools, ...words }

export type MessageKey = keyof typeof en | keyof typeof sideBySide
type Catalogue = Readonly<Record<MessageKey, string>>

const column = (locale: Locale) =>
  Object.fromEntries(Object.entries(sideBySide).map(([key, texts]) => [key, texts[locale]])) as Record<
    keyof typeof sideBySide,
    string
  >

/** Everything the mesh says, by language. */
export const catalogues: Readonly<Record<Locale, Catalogue>> = {
  en: { ...en, ...column('en') },
  vi: { ...vi, ...column('vi') },
  zh: { ...zh, ...column('zh') },
}

const isLocale = (tag: string): tag is Locale => Object.hasOwn(catalogues, tag)
/** Whether there is a text under this name. */
export const isMessageKey = (name: string): name is MessageKey => Object.hasOwn(catalogues.en, name)

export type MessageParams = Readonly<Record<string, string | number>>

const fill = (text: string, valueOf: (name: string) => string | number | undefined): string =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => String(valueOf(name) ?? ''))

/** Parts whose values are words, see `words.ts`. */
const wordParts: readonly string[] = ['kind', 'what', 'action', 'reason']

const wordKey = (part: string, value: string): string => `${part}.${value.toLowerCase().replace(/[^a-z0-9]+/g, '_')}`

/**
 * A text in a language, its `{name}` parts filled from `params`; parts that are words are in that language too. A key
 * that another version of the mesh sent and this one lacks stands for itself.
 */
export const translate = (locale: Locale, key: MessageKey, params: MessageParams = {}): string => {
  const texts = catalogues[locale]
  return fill(texts[key] ?? key, (name) => {
    const value = params[name]
    if (typeof value !== 'string' || !wordParts.includes(name)) return value
    const word = wordKey(name, value)
    return isMessageKey(word) ? fill(texts[word], (inner) => params[inner]) : value
  })
}

/** The first known language of an Accept-Language header in listed order, weights ignored as the contract has it. */
export const pickLocale = (acceptLanguage: string | undefined): Locale => {
  for (const part of (acceptLanguage ?? '').slice(0, 256).split(',')) {
    const tag = part.split(';')[0]!.trim().toLowerCase().slice(0, 2)
    if (isLocale(tag)) return tag
  }
  return 'en'
}
