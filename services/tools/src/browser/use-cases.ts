/** What can be done with the browser, for an agent and its user, or for a user over all of their pages. */
import { cutText } from '@clawmesh/chassis'
import { checkPublicUrl } from '@clawmesh/chassis/fetch'
import { MeshError } from '@clawmesh/contracts'
import { toolError } from '../tool/tool-error.ts'
import { neutraliseMarkers } from '../web/untrusted.ts'
import { act, treeOf } from './act.ts'
import type { Browsers, UseOptions } from './browsers.ts'
import type { ProxyRules } from './proxy.ts'
import { takeSnapshot } from './snapshot.ts'
import type { ActRequest, OpenPage, PageOwner, Snapshot, SnapshotOptions } from './types.ts'

/** For whom something is done: whose pages are seen, and who has those that are opened. */
export interface BrowserUser {
  owner: PageOwner
  isSeen: (owner: PageOwner) => boolean
}

export interface CallOptions {
  signal: AbortSignal
  /** How long it may take; default as the installation says. */
  timeoutMs?: number | undefined
}

export interface PageFacts {
  targetId: string
  url: string
  title: string
}

interface Parts {
  browsers: Browsers
  rules: ProxyRules
  actionMs: number
}

const loadedMs = 5_000
const mostTitle = 300
const mostUrl = 2_048
/** Of a picture of a whole page, in pixels. */
const longestPicture = 10_000
const widestPicture = 4_000

/** Chromium's word for a failure, as in `net::ERR_NAME_NOT_RESOLVED`. */
const netError = (thrown: unknown): string =>
  thrown instanceof Error ? (/net::[A-Z_\d]{3,60}/.exec(cutText(thrown.message, 10_000))?.[0] ?? '') : ''

export const createBrowserUseCases = ({ browsers, rules, actionMs }: Parts) => {
  const over = ({ signal, timeoutMs = actionMs }: CallOptions): UseOptions => ({ signal, timeoutMs })

  const pagesOf = ({ owner, isSeen }: BrowserUser): OpenPage[] => browsers.pages(owner.tenantId, isSeen)

  /** The page that is named, else the one that was used last. @throws TOOL_ERROR where there is none */
  const find = (user: BrowserUser, targetId: string | undefined): OpenPage => {
    const pages = pagesOf(user)
    if (targetId === undefined) {
      const [latest] = pages.sort((a, b) => b.usedAt - a.usedAt)
      if (latest === undefined) throw toolError('no page is open: open one first')
      return latest
    }
    const named = pages.find(({ id }) => id === targetId)
    if (named === undefined) throw toolError(`there is no page ${cutText(targetId, 100)}`)
    return named
  }

  /** What the browser itself says of a page, so that no page has to answer. */
  const factsOf = async ({ id, session }: OpenPage): Promise<PageFacts> => {
    const { targetInfo } = await session.send('Target.getTargetInfo')
    return { targetId: id, url: cutText(targetInfo.url, mostUrl), title: cutText(targetInfo.title, mostTitle) }
  }

  /** @throws INVALID_REQUEST error.url_blocked, TOOL_ERROR where it cannot be opened */
  const lead = async (open: OpenPage, url: URL, options: CallOptions): Promise<PageFacts> => {
    const limits = over(options)
    return browsers.use(open, limits, async (signal) => {
      open.takeRefusal()
      const { page } = open
      const loaded = new Promise((resolve) => page.once('load', resolve))
      try {
        await page.goto(url.href, { waitUntil: 'domcontentloaded', timeout: limits.timeoutMs, signal })
      } catch (thrown) {
        signal.throwIfAborted()
        const refusal = open.takeRefusal()
        if (refusal !== undefined) throw toolError(refusal)
        const said = netError(thrown)
        if (said === '') throw thrown
        throw toolError(`${cutText(url.href, mostUrl)} could not be opened: ${said}`)
      }
      const timer = Promise.withResolvers<void>()
      const patience = setTimeout(timer.resolve, loadedMs)
      await Promise.race([loaded, timer.promise]).finally(() => clearTimeout(patience))
      return factsOf(open)
    })
  }

  const checked = (url: string): URL => checkPublicUrl(url, rules)

  return {
    status: (user: BrowserUser) => ({
      running: browsers.isRunning(user.owner.tenantId),
      pages: pagesOf(user).length,
    }),

    /** @throws TOOL_ERROR when the browser does not start */
    start: (user: BrowserUser, { signal }: CallOptions) => browsers.start(user.owner, signal),

    /** Closes the owner's pages and forgets their cookies. */
    stop: (user: BrowserUser) => browsers.stop(user.owner),

    tabs: (user: BrowserUser): Promise<PageFacts[]> =>
      Promise.all(
        pagesOf(user).map(async (open) => factsOf(open).catch(() => ({ targetId: open.id, url: '', title: '' }))),
      ),

    /** @throws INVALID_REQUEST error.url_blocked; TOOL_ERROR */
    open: async (user: BrowserUser, address: string, options: CallOptions): Promise<PageFacts> => {
      const url = checked(address)
      const open = await browsers.open(user.owner, options.signal)
      try {
        return await lead(open, url, options)
      } catch (thrown) {
        await browsers.close(open)
        throw thrown
      }
    },

    /** @throws INVALID_REQUEST error.url_blocked; TOOL_ERROR */
    navigate: async (
      user: BrowserUser,
      targetId: string | undefined,
      address: string,
      options: CallOptions,
    ): Promise<PageFacts> => {
      const url = checked(address)
      return lead(find(user, targetId), url, options)
    },

    close: async (user: BrowserUser, targetId: string | undefined): Promise<string> => {
      const open = find(user, targetId)
      await browsers.close(open)
      return open.id
    },

    /** What scripts of the page have said, the newest last. */
    console: (user: BrowserUser, targetId: string | undefined): { targetId: string; lines: string[] } => {
      const open = find(user, targetId)
      return { targetId: open.id, lines: [...open.said] }
    },

    /** The texts in it come from the page: without anything that reads like the markers around foreign content. */
    snapshot: async (
      user: BrowserUser,
      targetId: string | undefined,
      wanted: SnapshotOptions,
      options: CallOptions,
    ): Promise<Snapshot> => {
      const open = find(user, targetId)
      return browsers.use(open, over(options), async () => {
        await open.session.send('Accessibility.enable')
        const { elements, snapshot, ...shown } = await takeSnapshot(treeOf(open), wanted)
        open.refs.clear()
        for (const [ref, element] of elements) open.refs.set(ref, element)
        return { ...shown, snapshot: neutraliseMarkers(snapshot.toWellFormed()), ...(await factsOf(open)) }
      })
    },

    /** @returns a PNG */
    screenshot: async (
      user: BrowserUser,
      targetId: string | undefined,
      { fullPage }: { fullPage: boolean },
      options: CallOptions,
    ): Promise<{ targetId: string; png: Buffer }> => {
      const open = find(user, targetId)
      return browsers.use(open, over(options), async () => {
        const { cssContentSize } = await open.session.send('Page.getLayoutMetrics')
        const whole = {
          ...{ x: 0, y: 0, scale: 1 },
          width: Math.min(Math.max(cssContentSize.width, 1), widestPicture),
          height: Math.min(Math.max(cssContentSize.height, 1), longestPicture),
        }
        const { data } = await open.session.send('Page.captureScreenshot', {
          format: 'png',
          ...(fullPage && { captureBeyondViewport: true, clip: whole }),
        })
        return { targetId: open.id, png: Buffer.from(data, 'base64') }
      })
    },

    /**
     * Does something on a page. `navigate` opens one where there is none.
     * @returns what a script said
     * @throws INVALID_REQUEST error.url_blocked; TOOL_ERROR
     */
    act: async (
      user: BrowserUser,
      targetId: string | undefined,
      request: ActRequest,
      options: CallOptions,
    ): Promise<PageFacts & { result?: string }> => {
      if (request.kind === 'navigate') {
        if (request.url === undefined) throw toolError('navigate needs url')
        const url = checked(request.url)
        const isNew = targetId === undefined && pagesOf(user).length === 0
        const open = isNew ? await browsers.open(user.owner, options.signal) : find(user, targetId)
        return lead(open, url, options)
      }
      const { kind } = request
      const open = find(user, targetId)
      const limits = over(options)
      return browsers.use(open, limits, async (signal) => {
        const result = await act(open, { ...request, kind }, { timeoutMs: limits.timeoutMs, signal })
        if (open.page.isClosed())
          return { targetId: open.id, url: '', title: '', ...(result !== undefined && { result }) }
        return { ...(await factsOf(open)), ...(result !== undefined && { result }) }
      })
    },
  }
}

export type BrowserUseCases = ReturnType<typeof createBrowserUseCases>

type Bound<F> = F extends (user: BrowserUser, ...rest: infer R) => infer T ? (...rest: R) => T : never

/** The use cases, bound to whom they are done for. */
export type BrowserPort = { readonly [K in keyof BrowserUseCases]: Bound<BrowserUseCases[K]> }

/** For clients that are not models: what went wrong is a state of the browser. */
export const asPrecondition = (thrown: unknown): unknown =>
  thrown instanceof MeshError && thrown.code === 'TOOL_ERROR'
    ? new MeshError('FAILED_PRECONDITION', 'error.tool_failed', { text: thrown.message }, { cause: thrown })
    : thrown
