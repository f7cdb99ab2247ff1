/** DuckDuckGo's pages for browsers without scripts. There is no API: results are the links of a certain class. */
import { guardedFetch } from '@clawmesh/chassis/fetch'
import { htmlTokens } from '../html-tokens.ts'
import { mostBytes, SearchFailure, searchTimeoutMs, type SearchEngine, type WebQuery, type WebResult } from './types.ts'

const freshnessLetters: Readonly<Record<string, string>> = { pd: 'd', pw: 'w', pm: 'm', py: 'y' }

const addressOf = (base: string, { query, country, searchLang, freshness }: WebQuery): URL => {
  const url = new URL(base)
  url.searchParams.set('q', query)
  if (country !== undefined) url.searchParams.set('kl', `${country}-${searchLang ?? 'en'}`.toLowerCase())
  if (freshness !== undefined) url.searchParams.set('df', freshnessLetters[freshness] ?? freshness.replace('to', '..'))
  return url
}

/** Links lead through a page of theirs that tells whither. */
const targetOf = (href: string, base: string): string => {
  try {
    const url = new URL(href, base)
    return url.searchParams.get('uddg') ?? url.href
  } catch {
    return ''
  }
}
/** Advertisements lead through another page. */
const isAdvertisement = (url: string): boolean => /^https?:\/\/duckduckgo\.com\/y\.js\b/.test(url)

const tidy = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** The results in a page, in linear time. */
export const resultsIn = (html: string, base: string): WebResult[] => {
  const results: WebResult[] = []
  let into: 'title' | 'snippet' | undefined
  for (const token of htmlTokens(html)) {
    const last = results.at(-1)
    if (token.type === 'text') {
      if (into !== undefined && last !== undefined) last[into] += token.text
    } else if (token.type === 'close') {
      if (token.name === 'a') into = undefined
    } else if (token.name === 'a') {
      const attributes = token.attributes()
      const classes = (attributes.get('class') ?? '').split(/\s+/)
      if (classes.includes('result__a')) {
        results.push({ title: '', url: targetOf(attributes.get('href') ?? '', base), snippet: '', age: '' })
        into = 'title'
      } else into = classes.includes('result__snippet') ? 'snippet' : undefined
    }
  }
  return results
    .filter(({ url }) => /^https?:\/\//.test(url) && !isAdvertisement(url))
    .map(({ title, snippet, ...rest }) => ({ ...rest, title: tidy(title), snippet: tidy(snippet) }))
}

export const createDuckDuckGo = (base: string): SearchEngine => ({
  name: 'DuckDuckGo',
  search: async (query, out) => {
    const answer = await guardedFetch(addressOf(base, query), {
      ...out,
      headers: { accept: 'text/html', 'user-agent': 'Mozilla/5.0 (compatible; Clawmesh)' },
      timeoutMs: searchTimeoutMs,
      maxBytes: mostBytes,
    })
    // 202 is a page with a puzzle for people.
    if (answer.status === 202) throw new SearchFailure('it wants to see that a person is asking')
    if (answer.status !== 200) throw new SearchFailure(`it answered with HTTP ${answer.status}`)
    const html = new TextDecoder().decode(answer.body)
    const results = resultsIn(html, answer.url)
    if (results.length === 0 && !html.includes('no-results')) throw new SearchFailure('its page cannot be read')
    return results.slice(0, query.count)
  },
})
