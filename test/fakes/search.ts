/** Fake search engines that speak the wire protocols of Brave and of DuckDuckGo's page without scripts. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { keptConnections } from '../support/limits.ts'

export interface FakeResult {
  title: string
  url: string
  description: string
  age?: string
}

export interface FakeSearch {
  braveUrl: string
  duckDuckGoUrl: string
  key: string
  results: FakeResult[]
  /** What an engine answers instead: a status, or a body that is none of its own. */
  fault: { brave?: number | 'garbage' | 'cut'; duckDuckGo?: number | 'garbage' }
  /** Queries that were answered, by engine. */
  asked: { engine: 'brave' | 'duckduckgo'; query: URLSearchParams }[]
  stop: () => Promise<void>
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)

/** What Brave answers 422 to. */
const isRefused = (query: URLSearchParams): boolean =>
  !/^(?:[1-9]|1\d|20)$/.test(query.get('count') ?? '20') ||
  !/^(?:[A-Za-z]{2})?$/.test(query.get('country') ?? '') ||
  (query.get('q') ?? '') === '' ||
  (query.get('q') ?? '').length > 400 ||
  !/^(?:p[dwmy]|\d{4}-\d{2}-\d{2}to\d{4}-\d{2}-\d{2})?$/.test(query.get('freshness') ?? '')

const pageOf = (results: readonly FakeResult[]): string =>
  `<!DOCTYPE html><html><body><div class="serp__results"><div id="links" class="results">${
    results.length === 0
      ? '<div class="no-results">No results.</div>'
      : results
          .map(
            ({ title, url, description }) => `
    <div class="result results_links results_links_deep web-result"><div class="links_main links_deep result__body">
      <h2 class="result__title"><a rel="nofollow" class="result__a" href="//duckduckgo.com/l/?uddg=${encodeURIComponent(url)}&amp;rut=0f">${escaped(title)}</a></h2>
      <div class="result__extras"><a class="result__url" href="//duckduckgo.com/l/?uddg=x">example</a></div>
      <a class="result__snippet" href="//duckduckgo.com/l/?uddg=x">${escaped(description).replace(/\b(found)\b/, '<b>$1</b>')}</a>
    </div></div>`,
          )
          .join('')
  }</div></div></body></html>`

/** Both engines on one free port. */
export const fakeSearch = async (): Promise<FakeSearch> => {
  const server = createServer(keptConnections, (request, response) => {
    const url = new URL(request.url ?? '/', 'http://fake')
    const query = url.searchParams
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body)
    if (url.pathname === '/brave') {
      const { brave } = fake.fault
      const fail = (status: number, code: string) =>
        answer(status, 'application/json', JSON.stringify({ type: 'ErrorResponse', error: { status, code } }))
      if (request.headers['x-subscription-token'] !== fake.key) return fail(401, 'SUBSCRIPTION_TOKEN_INVALID')
      if (isRefused(query)) return fail(422, 'VALIDATION')
      fake.asked.push({ engine: 'brave', query })
      if (brave === 'garbage') return answer(200, 'application/json', '{"web":{"results":[{"title":1')
      if (brave === 'cut') return response.destroy()
      if (brave !== undefined) return fail(brave, 'FAULT')
      const results = fake.results.slice(0, Number(query.get('count') ?? 20)).map(({ description, ...result }) => ({
        ...result,
        description: description.replace(/\b(found)\b/, '<strong>$1</strong>'),
      }))
      return answer(
        200,
        'application/json',
        JSON.stringify({ type: 'search', query: { original: query.get('q') }, web: { type: 'search', results } }),
      )
    }
    if (url.pathname !== '/html/') return answer(404, 'text/plain', '')
    fake.asked.push({ engine: 'duckduckgo', query })
    const { duckDuckGo } = fake.fault
    if (duckDuckGo === 'garbage') return answer(200, 'text/html', '<p>hello')
    if (duckDuckGo !== undefined) return answer(duckDuckGo, 'text/html', '<form id="challenge-form">')
    return answer(200, 'text/html; charset=UTF-8', pageOf(fake.results))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fake: FakeSearch = {
    braveUrl: `${base}/brave`,
    duckDuckGoUrl: `${base}/html/`,
    key: 'key-of-brave',
    results: [],
    fault: {},
    asked: [],
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return fake
}
