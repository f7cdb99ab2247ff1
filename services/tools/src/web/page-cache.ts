/** Pages kept for a quarter of an hour. */

export interface Page {
  /** After redirects. */
  url: string
  title: string
  text: string
  /** Whether the body was longer than what was read of it. */
  bodyCut: boolean
}

export interface PageCache {
  get: (key: string) => Page | undefined
  set: (key: string, page: Page) => void
}

/** The least recently used page goes first, by number and by size of all texts together. */
export const createPageCache = ({
  ttlMs = 15 * 60_000,
  maxPages = 100,
  maxChars = 32 * 1024 * 1024,
  now = Date.now,
} = {}): PageCache => {
  const pages = new Map<string, { page: Page; until: number }>()
  let chars = 0
  const forget = (key: string): void => {
    chars -= pages.get(key)?.page.text.length ?? 0
    pages.delete(key)
  }
  return {
    get: (key) => {
      const found = pages.get(key)
      if (!found) return undefined
      pages.delete(key)
      pages.set(key, found)
      if (found.until > now()) return found.page
      forget(key)
      return undefined
    },
    set: (key, page) => {
      forget(key)
      pages.set(key, { page, until: now() + ttlMs })
      chars += page.text.length
      for (const oldest of pages.keys()) {
        if (pages.size <= maxPages && chars <= maxChars) break
        forget(oldest)
      }
    },
  }
}
