/** The ways to make a page readable, tried in the order of the settings. */
import { guardedFetch } from '@clawmesh/chassis/fetch'
import type { RenderedPage } from './render.ts'
import type { ExtractorSetting, WebAccess } from './web-access.ts'

interface PageToExtract {
  tenantId: string
  url: string
  html: string
  web: WebAccess
  signal: AbortSignal
}

type Extractor = (page: PageToExtract, setting: ExtractorSetting) => Promise<RenderedPage>

const extractors: Record<string, Extractor> = {
  'html-to-markdown': ({ tenantId, url, html, web, signal }) =>
    web.threads.render(tenantId, { as: 'markdown', text: html, url }, signal),
  /** A service that is sent the page's address and answers with Markdown; off unless an operator wants that. */
  defuddle: async ({ tenantId, url, web, signal }, { base_url: base, timeout }) => {
    if (!base) return { title: '', text: '' }
    const answer = await guardedFetch(base.replace(/\/?$/, '/') + url, {
      signal,
      timeoutMs: (timeout || 10) * 1000,
      allow: web.allow,
      resolve: web.resolve,
    })
    const text = answer.status === 200 ? new TextDecoder().decode(answer.body) : ''
    return web.threads.render(tenantId, { as: 'plain', text, url }, signal)
  },
}

/** A result this small is more likely a failure than a page. */
const isEnough = (text: string): boolean => {
  if (text.length < 100) return false
  return text.slice(0, 20_000).trim().split(/\s+/, 10).length === 10
}

/**
 * The page as Markdown: the first extractor whose result is long enough, else the longest result; plain text when none
 * has one. @throws what the last resort throws, when the page cannot be rendered at all
 */
export const extractMarkdown = async (page: PageToExtract): Promise<RenderedPage> => {
  let best: RenderedPage = { title: '', text: '' }
  for (const setting of page.web.extractors.filter(({ enabled }) => enabled)) {
    const extract = Object.hasOwn(extractors, setting.name) ? extractors[setting.name] : undefined
    for (let attempt = 0; extract && attempt < Math.max(1, Math.min(setting.max_retries, 5)); attempt++) {
      const result = await extract(page, setting).catch(() => undefined)
      page.signal.throwIfAborted()
      if (result === undefined) continue
      if (isEnough(result.text)) return result
      if (result.text.length > best.text.length) best = result
      break
    }
  }
  if (best.text !== '') return best
  return page.web.threads.render(page.tenantId, { as: 'text', text: page.html, url: page.url }, page.signal)
}
