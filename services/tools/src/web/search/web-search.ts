import { cutText } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import { z } from 'zod'
import { defineTool } from '../../tool/define-tool.ts'
import { toolError } from '../../tool/tool-error.ts'
import { says, type ToolContext } from '../../tool/tool.ts'
import { wrapUntrusted } from '../untrusted.ts'
import type { WebAccess } from '../web-access.ts'
import { SearchFailure, type SearchEngine, type WebQuery, type WebResult } from './types.ts'

const mostTitle = 300
const mostSnippet = 1_000
const mostAddress = 2_048

const shown = ({ title, url, snippet, age }: WebResult, at: number): string =>
  [
    `${at + 1}. ${cutText(title, mostTitle)}`,
    `   ${cutText(url, mostAddress)}`,
    ...(snippet === '' ? [] : [`   ${cutText(snippet, mostSnippet)}`]),
    ...(age === '' ? [] : [`   ${cutText(age, 100)}`]),
  ].join('\n')

/** Asks one engine after the other, until one answers. @throws TOOL_ERROR saying why none did */
const ask = async (
  engines: readonly SearchEngine[],
  query: WebQuery,
  { allow, resolve }: WebAccess,
  { signal }: Pick<ToolContext, 'signal'>,
): Promise<{ engine: string; results: WebResult[] }> => {
  const failures: string[] = []
  for (const { name, search } of engines) {
    try {
      return { engine: name, results: (await search(query, { allow, resolve, signal })).slice(0, query.count) }
    } catch (thrown) {
      signal.throwIfAborted()
      const isWorded = thrown instanceof SearchFailure || (thrown instanceof MeshError && thrown.code !== 'INTERNAL')
      failures.push(`${name}: ${isWorded ? thrown.message : 'it could not be reached'}`)
    }
  }
  throw toolError(`the web could not be searched. ${failures.join('. ')}`)
}

export const webSearch = defineTool({
  name: 'web_search',
  displayName: 'Search the web',
  category: 'web',
  groups: ['web'],
  needs: ['web'],
  configHint: 'Config → Tools → Web Search',
  description: 'Search the web. Returns titles, addresses and short descriptions; read a page with web_fetch.',
  parameters: z.object({
    query: z.string().trim().min(1).max(400).describe('What to search for'),
    count: z.int().min(1).max(10).default(5).describe('How many results'),
    country: z
      .string()
      .regex(/^[A-Za-z]{2}$/)
      .optional()
      .describe('Country of the results, two letters'),
    search_lang: z
      .string()
      .regex(/^[A-Za-z]{2,3}(?:-[A-Za-z]{2,4})?$/)
      .optional()
      .describe('Language of the results'),
    ui_lang: z
      .string()
      .regex(/^[A-Za-z]{2,3}(?:-[A-Za-z]{2,4})?$/)
      .optional()
      .describe('Language of the answer'),
    freshness: z
      .string()
      .regex(/^(?:p[dwmy]|\d{4}-\d{2}-\d{2}to\d{4}-\d{2}-\d{2})$/)
      .optional()
      .describe('pd, pw, pm or py: of the last day, week, month or year; or YYYY-MM-DDtoYYYY-MM-DD'),
  }),
  run: async ({ query, count, country, search_lang: searchLang, ui_lang: uiLang, freshness }, context) => {
    const { web, tenantId, channel } = context
    const { engines, cache } = web.search
    if (engines.length === 0)
      throw toolError('web_search needs a search provider: Brave with a key, or DuckDuckGo; both are switched off here')
    const asked: WebQuery = { query, count, country, searchLang, uiLang, freshness }
    const key = JSON.stringify([tenantId, channel, asked])
    const cached = cache.get(key)
    const found = cached ?? (await ask(engines, asked, web, context))
    if (cached === undefined) cache.set(key, found)
    const { engine, results } = found
    const text = results.length === 0 ? 'Nothing was found.' : results.map(shown).join('\n')
    return says(wrapUntrusted(text, { Source: `web search (${engine})`, Query: query }), {
      metadata: { engine, count: results.length, cached: cached !== undefined },
    })
  },
})
