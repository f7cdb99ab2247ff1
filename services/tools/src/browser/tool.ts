import { randomUUID } from 'node:crypto'
import { posix } from 'node:path'
import { cutText, cutTextStart } from '@clawmesh/chassis'
import { z } from 'zod'
import { defineTool } from '../tool/define-tool.ts'
import { requirePorts } from '../tool/ports.ts'
import { toolError } from '../tool/tool-error.ts'
import { says, type ToolContext, type ToolResult } from '../tool/tool.ts'
import { wrapNeutralised, wrapUntrusted } from '../web/untrusted.ts'
import { writeFile } from '../workspace/index.ts'
import type { BrowserPort, PageFacts } from './use-cases.ts'

const name = 'browser'
const folder = 'generated'
const mostChars = 200_000
const mostMs = 120_000

const request = z.object({
  kind: z.enum(['click', 'type', 'press', 'hover', 'wait', 'evaluate']).describe('What to do'),
  ref: z.string().max(100).optional().describe('An element as the last snapshot names it, such as e12'),
  text: z.string().max(100_000).optional().describe('type: replaces what the field holds; wait: until it is seen'),
  key: z.string().max(100).optional().describe('press: Enter, ArrowDown, Control+a'),
  submit: z.boolean().optional().describe('type: press Enter afterwards'),
  fn: z
    .string()
    .max(100_000)
    .optional()
    .describe('evaluate: a JavaScript function or expression; with ref it gets the element'),
  timeMs: z.int().min(0).max(mostMs).optional().describe('wait: how long'),
})

const parameters = z.object({
  action: z
    .enum(['status', 'start', 'stop', 'tabs', 'open', 'close', 'snapshot', 'screenshot', 'navigate', 'console', 'act'])
    .describe('open a page, take a snapshot, act on what it names'),
  targetUrl: z.string().min(1).max(8_192).optional().describe('open, navigate: http or https address'),
  targetId: z.string().min(1).max(100).optional().describe('A page, as open and tabs name it; else the one used last'),
  maxChars: z.int().min(1).max(mostChars).default(8_000).describe('snapshot, console: most characters'),
  interactive: z.boolean().optional().describe('snapshot: only what can be acted on'),
  compact: z.boolean().optional().describe('snapshot: without what has no name'),
  depth: z.int().min(1).max(100).optional().describe('snapshot: how deep'),
  fullPage: z.boolean().default(false).describe('screenshot: all of the page'),
  timeoutMs: z.int().min(1).max(mostMs).optional().describe('How long it may take'),
  request: request.optional().describe('act: what to do'),
})

type Args = z.output<typeof parameters>
type Action = (args: Args, browser: BrowserPort, context: ToolContext) => Promise<ToolResult>

const needed = <T>(value: T | undefined, action: string, what: string): T => {
  if (value === undefined) throw toolError(`${action} needs ${what}`)
  return value
}

const factsOf = ({ url, title }: PageFacts): Record<string, string> => ({ Source: url, Title: title })

/** A page's own words on where we are. */
const at = (facts: PageFacts, what: string): ToolResult =>
  says(wrapUntrusted(`${what} ${facts.targetId}: ${facts.url}`, { Title: facts.title }), { metadata: { ...facts } })

const actions: Record<Args['action'], Action> = {
  status: async (_, browser) => {
    const status = browser.status()
    return says(JSON.stringify(status), { metadata: status })
  },
  start: async (_, browser, context) => {
    await browser.start(context)
    return says('the browser runs')
  },
  stop: async (_, browser) => {
    await browser.stop()
    return says('the pages are closed, and their cookies are gone')
  },
  tabs: async (_, browser) => {
    const tabs = await browser.tabs()
    if (tabs.length === 0) return says('no page is open')
    const lines = tabs.map(({ targetId, url, title }) => `${targetId} ${url} ${title}`)
    return says(wrapUntrusted(lines.join('\n'), {}), { metadata: { count: tabs.length } })
  },
  open: async ({ targetUrl, timeoutMs }, browser, { signal }) =>
    at(await browser.open(needed(targetUrl, 'open', 'targetUrl'), { signal, timeoutMs }), 'opened'),
  close: async ({ targetId }, browser) => says(`closed ${await browser.close(targetId)}`),
  navigate: async ({ targetId, targetUrl, timeoutMs }, browser, { signal }) =>
    at(await browser.navigate(targetId, needed(targetUrl, 'navigate', 'targetUrl'), { signal, timeoutMs }), 'at'),
  snapshot: async ({ targetId, maxChars, interactive, compact, depth, timeoutMs }, browser, { signal }) => {
    const wanted = { maxChars, interactive, compact, depth }
    const { snapshot, refs: _, ...taken } = await browser.snapshot(targetId, wanted, { signal, timeoutMs })
    const notes = taken.truncated
      ? [`[cut at ${maxChars} characters: ask for more with maxChars, or for less with interactive]`]
      : []
    return says([wrapNeutralised(snapshot, { ...factsOf(taken), Page: taken.targetId }), ...notes].join('\n'), {
      metadata: { ...taken },
    })
  },
  screenshot: async ({ targetId, fullPage, timeoutMs }, browser, context) => {
    const { workspace, signal } = requirePorts(name, context, ['workspace'])
    const { png, targetId: of } = await browser.screenshot(targetId, { fullPage }, { signal, timeoutMs })
    const day = new Date().toISOString().slice(0, 10)
    const path = (
      await writeFile(workspace, `${folder}/${day}/screenshot-${randomUUID().slice(0, 8)}.png`, png, 0o600)
    ).join('/')
    return says(`MEDIA:${path}`, {
      metadata: {
        path,
        mimeType: 'image/png',
        bytes: png.length,
        targetId: of,
        deliver: [posix.join(workspace.path, path)],
      },
    })
  },
  console: async ({ targetId, maxChars }, browser) => {
    const { lines, targetId: of } = browser.console(targetId)
    const text = lines.join('\n')
    // The newest is what is asked for.
    return says(wrapUntrusted(cutTextStart(text, maxChars), { Page: of }), {
      metadata: { targetId: of, lines: lines.length },
    })
  },
  act: async ({ targetId, timeoutMs, request: asked }, browser, { signal }) => {
    const done = await browser.act(targetId, needed(asked, 'act', 'request'), { signal, timeoutMs })
    if (done.result === undefined) return at(done, 'done, at')
    return says(wrapUntrusted(cutText(done.result, mostChars), factsOf(done)), {
      metadata: { targetId: done.targetId, url: done.url },
    })
  },
}

export const browser = defineTool({
  name,
  displayName: 'Browser',
  category: 'browser',
  groups: ['ui'],
  needs: ['browser'],
  configHint: 'Config → Tools → Browser',
  description:
    'Use a web browser for pages that need one: open a page, take a snapshot of it (its accessibility tree, where ' +
    '[ref=e1] names an element), and act on elements by their ref; then take a snapshot again. To read a plain page, ' +
    'web_fetch is faster.',
  parameters,
  run: async (args, context) => actions[args.action](args, context.browser, context),
})
