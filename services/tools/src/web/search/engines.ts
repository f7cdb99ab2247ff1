/** The engines that an operator lets agents ask, in the order in which they are asked. */
import { LRUCache } from 'lru-cache'
import { createBrave } from './brave.ts'
import { createDuckDuckGo } from './duckduckgo.ts'
import type { SearchEngine, WebResult } from './types.ts'

export interface SearchSettings {
  braveEnabled: boolean
  braveKey: string
  braveUrl: string
  braveMaxResults: number
  duckDuckGoEnabled: boolean
  duckDuckGoUrl: string
  duckDuckGoMaxResults: number
}

interface Found {
  engine: string
  results: WebResult[]
}

/** What web_search asks, and remembers. */
export interface Search {
  engines: readonly SearchEngine[]
  cache: {
    get: (key: string) => Found | undefined
    set: (key: string, found: Found) => void
  }
}

const cachedSearches = 200
const cachedMs = 15 * 60_000

const atMost = (engine: SearchEngine, most: number): SearchEngine => ({
  ...engine,
  search: (query, out) => engine.search({ ...query, count: Math.min(query.count, most) }, out),
})

export const createSearch = (settings: SearchSettings): Search => {
  const brave = settings.braveEnabled && settings.braveKey !== ''
  return {
    engines: [
      ...(brave ? [atMost(createBrave(settings.braveUrl, settings.braveKey), settings.braveMaxResults)] : []),
      ...(settings.duckDuckGoEnabled
        ? [atMost(createDuckDuckGo(settings.duckDuckGoUrl), settings.duckDuckGoMaxResults)]
        : []),
    ],
    cache: new LRUCache<string, Found>({ max: cachedSearches, ttl: cachedMs }),
  }
}
