/** Brave's search API: https://api-dashboard.search.brave.com/app/documentation/web-search */
import { guardedFetch } from '@clawmesh/chassis/fetch'
import { z } from 'zod'
import { htmlToText } from '../html-text.ts'
import { mostBytes, SearchFailure, searchTimeoutMs, type SearchEngine, type WebQuery } from './types.ts'

const answerSchema = z.object({
  web: z
    .object({
      results: z.array(
        z.object({
          title: z.string().default(''),
          url: z.string(),
          description: z.string().default(''),
          age: z.string().default('').catch(''),
        }),
      ),
    })
    .optional(),
})

const reasons: Readonly<Record<number, string>> = {
  401: 'the key is refused',
  403: 'the key is refused',
  422: 'the query or one of its options is refused',
  429: 'it was asked too often',
}

const addressOf = (base: string, { query, count, country, searchLang, uiLang, freshness }: WebQuery): URL => {
  const url = new URL(base)
  const asked = { q: query, count: String(count), country, search_lang: searchLang, ui_lang: uiLang, freshness }
  for (const [name, value] of Object.entries(asked)) if (value !== undefined) url.searchParams.set(name, value)
  return url
}

export const createBrave = (base: string, key: string): SearchEngine => ({
  name: 'Brave',
  search: async (query, out) => {
    const answer = await guardedFetch(addressOf(base, query), {
      ...out,
      headers: { accept: 'application/json', 'x-subscription-token': key },
      timeoutMs: searchTimeoutMs,
      maxBytes: mostBytes,
      // The key goes to nobody else.
      maxRedirects: 0,
    })
    if (answer.status !== 200)
      throw new SearchFailure(reasons[answer.status] ?? `it answered with HTTP ${answer.status}`)
    const parsed = answerSchema.safeParse(readJson(answer.body))
    if (!parsed.success) throw new SearchFailure('its answer cannot be read')
    // Matches are marked as HTML in both texts.
    return (parsed.data.web?.results ?? []).map(({ title, url, description, age }) => ({
      title: htmlToText(title),
      url,
      snippet: htmlToText(description),
      age,
    }))
  },
})

const readJson = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}
