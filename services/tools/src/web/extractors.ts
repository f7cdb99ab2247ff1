/** The ways to make a page readable, tried in the order of the settings. */
import { guardedFetch } from '@clawmesh/chassis/fetch'
import { htmlToText } from './html-text.ts'
import { htmlToMarkdown } from './markdown.ts'
import type { ExtractorSetting, WebAccess } from './web-access.ts'

interface PageToExtract {
  url: string
  html: string
  web: WebAccess
  signal: AbortSignal
}

type Extractor = (page: PageToExtract, setting: ExtractorSetting) => Promise<string>

const extractors: Record<string, Extractor> = {
  'html-to-markdown': ({ html }, { timeout }) => htmlToMarkdown(html, timeout > 0 ? timeout * 1000 : undefined),
  /** A service that is sent the page's address and answers with Markdown; off unless an operator wants that. */
  defuddle: async ({ url, web, signal }, { base_url: base, timeout }) => {
    if (!base) return ''
    const answer = await guardedFetch(base.replace(/\/?$/, '/') + url, {
      signal,
      timeoutMs: (timeout || 10) * 1000,
      allow: web.allow,
      resolve: web.resolve,
    })
    return answer.status === 200 ? new TextDecoder().decode(answer.body) : ''
  },
}

/** A result this small is more likely a failure than a page. */
const isEnough = (text: string): boolean => text.length >= 100 && text.trim().split(/\s+/).length >= 10

/**
 * The page as Markdown: the first extractor whose result is long enough, else the longest result; plain text when none
 * has one.
 */
export const extractMarkdown = async (page: PageToExtract): Promise<string> => {
  let best = ''
  for (const setting of page.web.extractors.filter(({ enabled }) => enabled)) {
    const extract = extractors[setting.name]
    for (let attempt = 0; extract && attempt < Math.max(1, Math.min(setting.max_retries, 5)); attempt++) {
      const result = await extract(page, setting).catch(() => undefined)
      if (page.signal.aborted) page.signal.throwIfAborted()
      if (result === undefined) continue
      if (isEnough(result)) return result
      if (result.length > best.length) best = result
      break
    }
  }
  return best || htmlToText(page.html)
}
