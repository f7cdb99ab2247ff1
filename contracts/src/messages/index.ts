import { en } from './en.ts'
import { vi } from './vi.ts'
import { zh } from './zh.ts'

const catalogues = { en, vi, zh }

export type Locale = keyof typeof catalogues
export type MessageKey = keyof typeof en
export const locales = Object.keys(catalogues) as Locale[]

const isLocale = (tag: string): tag is Locale => Object.hasOwn(catalogues, tag)

/** A text in a language, its `{name}` parts filled from `params`. */
export const translate = (locale: Locale, key: MessageKey, params: Record<string, string | number> = {}): string =>
  catalogues[locale][key].replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? ''))

/** The first known language of an Accept-Language header in listed order, weights ignored as the contract has it. */
export const pickLocale = (acceptLanguage: string | undefined): Locale => {
  for (const part of (acceptLanguage ?? '').slice(0, 256).split(',')) {
    const tag = part.split(';')[0]!.trim().toLowerCase().slice(0, 2)
    if (isLocale(tag)) return tag
  }
  return 'en'
}
