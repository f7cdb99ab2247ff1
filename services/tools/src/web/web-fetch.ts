import { z } from 'zod'
import { cutText, sha256Hex } from '@clawmesh/chassis'
import { checkPublicUrl, guardedFetch } from '@clawmesh/chassis/fetch'
import { toolError } from '../tool/tool-error.ts'
import { defineTool } from '../tool/define-tool.ts'
import { says, type ToolContext } from '../tool/tool.ts'
import { decodeBody } from './decode.ts'
import { extractMarkdown } from './extractors.ts'
import { htmlTitle } from './html-tokens.ts'
import type { Page } from './page-cache.ts'
import { wrapNeutralised } from './untrusted.ts'
import type { WebAccess } from './web-access.ts'
import { writeFile } from '../workspace/index.ts'

type Mode = 'markdown' | 'text'

const requestHeaders = {
  'user-agent': 'Mozilla/5.0 (compatible; Clawmesh)',
  accept: 'text/html, application/xhtml+xml, text/markdown, text/plain;q=0.9, */*;q=0.5',
}

/** What a long run may still spend on one page: less as its iterations are used up. */
const charBudget = (wanted: number, iterationShare = 0): number =>
  Math.min(wanted, 200_000, iterationShare >= 0.75 ? 10_000 : iterationShare >= 0.5 ? 20_000 : Number.POSITIVE_INFINITY)

const fetchPage = async (
  url: URL,
  mode: Mode,
  maxChars: number,
  web: WebAccess,
  { tenantId, signal }: Pick<ToolContext, 'tenantId' | 'signal'>,
): Promise<Page> => {
  const { policy, allow, resolve, threads } = web
  const answer = await guardedFetch(url, {
    headers: requestHeaders,
    policy,
    allow,
    resolve,
    signal,
    timeoutMs: 30_000,
    maxBytes: Math.max(10 * maxChars, 512 * 1024),
  })
  if (answer.status >= 400) throw toolError(`${answer.url} answered with HTTP ${answer.status}`)
  const { kind, text } = decodeBody(answer)
  const rendered =
    kind === 'html' && mode === 'markdown'
      ? await extractMarkdown({ tenantId, url: answer.url, html: text, web, signal })
      : await threads.render(
          tenantId,
          { as: kind === 'html' ? 'text' : kind === 'json' ? 'json' : 'plain', text, url: answer.url },
          signal,
        )
  const title = rendered.title || (kind === 'html' ? htmlTitle(text) : '')
  return { url: answer.url, ...rendered, title, bodyCut: answer.truncated }
}

/** Keeps the whole of a long page as a file; undefined when there is nowhere to put it. */
const saveWhole = async (context: ToolContext, wrapped: string): Promise<string | undefined> => {
  if (!context.workspace) return undefined
  const name = sha256Hex(wrapped).slice(0, 16)
  return (await writeFile(context.workspace, `web-fetch/web-fetch-${name}.txt`, wrapped, 0o600)).join('/')
}

export const webFetch = defineTool({
  name: 'web_fetch',
  displayName: 'Fetch web page',
  category: 'web',
  groups: ['web'],
  needs: ['web'],
  settings: {
    extractors: [
      // Off: it sends the addresses that agents visit to somebody else.
      { name: 'defuddle', enabled: false, base_url: 'https://fetch.goclaw.sh/', max_retries: 2 },
      { name: 'html-to-markdown', enabled: true },
    ],
  },
  description:
    'Fetch a public web page or text file and return its content as Markdown or plain text. Long content is cut and ' +
    'the whole is saved in the workspace.',
  parameters: z.object({
    url: z.string().min(1).describe('http or https address'),
    extractMode: z.enum(['markdown', 'text']).default('markdown').describe('How to render HTML'),
    maxChars: z.int().min(100).default(60_000).describe('Most characters to return'),
  }),
  run: async ({ url: address, extractMode, maxChars }, context) => {
    const { web } = context
    // Before the cache is asked: the policy may have changed since the page was kept.
    const url = checkPublicUrl(address, { policy: web.policy, allow: web.allow })
    url.hash = ''
    const most = charBudget(maxChars, context.iterationShare)
    const key = JSON.stringify([context.tenantId, context.channel, url.href, extractMode, most, web.policy, web.allow])
    const cached = web.cache.get(key)
    const page = cached ?? (await fetchPage(url, extractMode, most, web, context))
    if (!cached) web.cache.set(key, page)

    const facts = { Source: page.url, Title: page.title }
    const isLong = page.text.length > most
    const savedTo = isLong ? await saveWhole(context, wrapNeutralised(page.text, facts)) : undefined
    const notes = [
      ...(isLong ? [`[${most} of ${page.text.length} characters shown]`] : []),
      ...(savedTo ? [`[the whole is in ${savedTo}; go on with read_file]`] : []),
      ...(page.bodyCut ? ['[the page was too large to be loaded to its end]'] : []),
    ]
    return says([wrapNeutralised(cutText(page.text, most), facts), ...notes].join('\n'), {
      metadata: {
        url: page.url,
        title: page.title,
        mode: extractMode,
        cached: cached !== undefined,
        truncated: isLong || page.bodyCut,
        ...(savedTo ? { saved_to: savedTo } : {}),
      },
    })
  },
})
