/**
 * The browsers of this process: one for a tenant, in it a browser context of its own for each agent and user, in that their pages.
 * They are bounded in number, closed when nobody uses them, and begun anew when they have ended.
 */
import { cutText, singleFlight, type Logger } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import type { Dialog, Page, Protocol } from 'puppeteer-core'
import { toolError } from '../tool/tool-error.ts'
import { neutraliseMarkers } from '../web/untrusted.ts'
import { openEngine, type Engine, type IsolatedContext } from './engine.ts'
import type { BrowserPlace } from './find.ts'
import type { ProxyRules } from './proxy.ts'
import type { OpenPage, PageOwner } from './types.ts'
import { within } from './within.ts'

export interface BrowsersParts {
  place: () => BrowserPlace
  rules: ProxyRules
  maxPages: number
  /** Negative is never. */
  idleMs: number
  /** Tenants with a browser at once. */
  most: number
  memoryBytes: number
  log: Logger
}

interface Tenant {
  id: string
  engine: Promise<Engine>
  contexts: Map<string, Promise<IsolatedContext>>
  pages: Map<string, OpenPage>
  usedAt: number
  busy: number
  /** Pages that are being opened by us. */
  opening: number
  counted: number
}

export interface UseOptions {
  timeoutMs: number
  signal: AbortSignal
}

const mostSaid = 200
const mostSaidChars = 500
const mostFault = 500
/** A page that does not answer within this is closed, and a browser that cannot close it is ended. */
const answerMs = 2_000
const closeMs = 5_000
/** A tenant's browser that was not used for so long makes way for another's. */
const restMs = 60_000
const longestSweepMs = 30_000

const ownerKeyOf = ({ agentId, userId }: PageOwner): string => JSON.stringify([agentId, userId])

/** Where a page may lead; files, settings of the browser and texts in addresses are none of it. */
const mayShow = (url: string): boolean => /^(?:https?:|blob:https?:|about:blank$|chrome-error:)/.test(url)

const textOf = ({ type, value, description, unserializableValue }: Protocol.Runtime.RemoteObject): string =>
  cutText(
    typeof value === 'string' ? value : (description ?? unserializableValue ?? JSON.stringify(value) ?? type),
    mostSaidChars,
  )

export const createBrowsers = ({ place, rules, maxPages, idleMs, most, memoryBytes, log }: BrowsersParts) => {
  const tenants = new Map<string, Tenant>()
  let shared: Promise<Engine> | undefined
  let isClosed = false

  const forget = (tenant: Tenant): void => {
    if (tenants.get(tenant.id) === tenant) tenants.delete(tenant.id)
  }

  /** A browser of the tenant's own; the one elsewhere serves all. */
  const engineFor = (): Promise<Engine> => {
    const parts = { place: place(), rules, memoryBytes }
    if (parts.place.kind === 'local') return openEngine(parts)
    if (shared !== undefined) return shared
    const opened = openEngine(parts)
    shared = opened
    const leave = (): void => {
      if (shared === opened) shared = undefined
    }
    opened.then(({ ended }) => ended).then(leave, leave)
    return opened
  }

  const closeTenant = async (tenant: Tenant): Promise<void> => {
    forget(tenant)
    const engine = await tenant.engine.catch(() => undefined)
    if (engine === undefined) return
    if (place().kind === 'local') return engine.close()
    await Promise.all(
      [...tenant.contexts.values()].map((isolated) => isolated.then(({ close }) => close()).catch(() => {})),
    )
    if (tenants.size > 0) return
    shared = undefined
    await engine.close()
  }

  const makeWay = async (): Promise<void> => {
    if (tenants.size < most) return
    const [oldest] = [...tenants.values()]
      .filter(({ busy, usedAt }) => busy === 0 && Date.now() - usedAt > restMs)
      .sort((a, b) => a.usedAt - b.usedAt)
    if (oldest === undefined) throw toolError('too many browsers are in use at the moment: try again later')
    await closeTenant(oldest)
  }

  const tenantFor = async (tenantId: string): Promise<Tenant> => {
    if (isClosed) throw new MeshError('UNAVAILABLE', 'error.shutting_down')
    const known = tenants.get(tenantId)
    if (known) return known
    await makeWay()
    const again = tenants.get(tenantId)
    if (again) return again
    const engine = engineFor()
    const tenant: Tenant = {
      ...{ id: tenantId, engine, contexts: new Map(), pages: new Map() },
      ...{ usedAt: Date.now(), busy: 0, opening: 0, counted: 0 },
    }
    tenants.set(tenantId, tenant)
    engine
      .then(({ ended }) => ended)
      .catch((err: unknown) => log.error({ err, tenantId }, 'the browser of a tenant did not start'))
      .finally(() => forget(tenant))
    return tenant
  }

  const drop = (tenant: Tenant, open: OpenPage): void => void tenant.pages.delete(open.id)

  /** Closes a page whatever it does; a browser that cannot is ended. */
  const closePage = async (tenant: Tenant, open: OpenPage): Promise<void> => {
    drop(tenant, open)
    const closed = open.page.close().then(
      () => true,
      () => true,
    )
    if (await within(closeMs, closed)) return
    const engine = await tenant.engine.catch(() => undefined)
    if (place().kind === 'local') await engine?.close()
  }

  const watch = (tenant: Tenant, open: OpenPage): void => {
    const { page, session, said, refs } = open
    const note = (line: string): void => {
      said.push(line)
      if (said.length > mostSaid) said.shift()
    }
    page.on('dialog', (dialog: Dialog) => {
      note(`dialog (${dialog.type()}): ${cutText(dialog.message(), mostSaidChars)}`)
      // Nobody would answer it, and the page waits for it.
      void (dialog.type() === 'beforeunload' ? dialog.accept() : dialog.dismiss()).catch(() => undefined)
    })
    page.on('framenavigated', (frame) => {
      if (frame !== page.mainFrame()) return
      refs.clear()
      if (!mayShow(frame.url())) void closePage(tenant, open)
    })
    page.on('close', () => drop(tenant, open))
    page.on('error', () => {
      note('error: the page has crashed')
      void closePage(tenant, open)
    })
    session.on('Runtime.consoleAPICalled', ({ type, args }) =>
      note(`${type}: ${cutText(args.slice(0, 20).map(textOf).join(' '), mostSaidChars)}`),
    )
    session.on('Runtime.exceptionThrown', ({ exceptionDetails: { exception, text } }) =>
      note(`error: ${exception ? textOf(exception) : cutText(text, mostSaidChars)}`),
    )
  }

  const adopt = async (tenant: Tenant, owner: PageOwner, isolated: IsolatedContext, page: Page): Promise<OpenPage> => {
    const session = await page.createCDPSession()
    const now = Date.now()
    const open: OpenPage = {
      id: `t${++tenant.counted}`,
      owner,
      page,
      session,
      ...{ refs: new Map(), said: [], openedAt: now, usedAt: now, takeRefusal: isolated.takeRefusal },
    }
    tenant.pages.set(open.id, open)
    watch(tenant, open)
    await session.send('Runtime.enable')
    return open
  }

  /** Windows that pages have opened: pages like others as long as there is a place, and closed where there is none. */
  const takeIn = async (tenant: Tenant, owner: PageOwner, isolated: IsolatedContext): Promise<void> => {
    if (tenant.opening > 0) return
    const known = new Set([...tenant.pages.values()].map(({ page }) => page))
    for (const page of await isolated.context.pages()) {
      if (known.has(page) || page.isClosed() || tenant.opening > 0) continue
      if (tenant.pages.size >= maxPages) await page.close().catch(() => undefined)
      else await adopt(tenant, owner, isolated, page).catch(() => undefined)
    }
  }

  const contextFor = (tenant: Tenant, owner: PageOwner): Promise<IsolatedContext> => {
    const name = ownerKeyOf(owner)
    const known = tenant.contexts.get(name)
    if (known) return known
    const made = (async () => {
      const isolated = await (await tenant.engine).open()
      const look = singleFlight(() => takeIn(tenant, owner, isolated))
      isolated.context.on('targetcreated', () => void look().catch(() => undefined))
      return isolated
    })()
    tenant.contexts.set(name, made)
    made.catch(() => {
      if (tenant.contexts.get(name) === made) tenant.contexts.delete(name)
    })
    return made
  }

  /** What went wrong, in words for a model. */
  const worded = async (tenant: Tenant | undefined, thrown: unknown): Promise<unknown> => {
    if (thrown instanceof MeshError) return thrown
    const engine = await tenant?.engine.catch(() => undefined)
    if (engine !== undefined && !engine.browser.connected) {
      // Why is known once all of it is gone.
      const why = (await within(answerMs, engine.ended)) ?? 'it cannot be reached'
      return toolError(`the browser has ended: ${why}. Its pages are gone; the next call starts it anew`)
    }
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    if (/Target closed|Session closed|detached Frame|frame was detached/i.test(message))
      return toolError('the page is gone: it was closed, or has crashed')
    return toolError(neutraliseMarkers(cutText(message, mostFault)))
  }

  const answers = async ({ session }: OpenPage): Promise<boolean> => {
    const answer = session.send('Runtime.evaluate', { expression: '1', returnByValue: true }).then(
      () => true,
      () => false,
    )
    return (await within(answerMs, answer)) === true
  }

  const counted = async <T>(tenant: Tenant, work: () => Promise<T>): Promise<T> => {
    tenant.busy++
    try {
      return await work()
    } finally {
      tenant.busy--
      tenant.usedAt = Date.now()
    }
  }

  /** Settles as `work` does, or when the call is over. */
  const orOver = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
    const { promise, reject } = Promise.withResolvers<never>()
    const leave = () => reject(signal.reason as Error)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    work.catch(() => undefined)
    try {
      return await Promise.race([work, promise])
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  /**
   * Works with a page. A call that is cancelled takes the page with it; one that is late only where the page does not answer.
   * @throws TOOL_ERROR in words for the model; the signal's reason
   */
  const use = async <T>(
    open: OpenPage,
    { timeoutMs, signal }: UseOptions,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const tenant = tenants.get(open.owner.tenantId)
    if (tenant?.pages.get(open.id) !== open) throw toolError(`there is no page ${open.id} any more`)
    const late = AbortSignal.timeout(timeoutMs)
    const over = AbortSignal.any([signal, late])
    return counted(tenant, async () => {
      open.usedAt = Date.now()
      try {
        return await orOver(work(over), over)
      } catch (thrown) {
        if (signal.aborted) {
          void closePage(tenant, open)
          throw thrown
        }
        if (!late.aborted) throw await worded(tenant, thrown)
        const seconds = Math.ceil(timeoutMs / 1000)
        if (await answers(open)) throw toolError(`this did not end within ${seconds} seconds; the page is still open`)
        await closePage(tenant, open)
        throw toolError(`the page did not answer within ${seconds} seconds, and was closed`)
      }
    })
  }

  const sweep = (): void => {
    for (const tenant of [...tenants.values()])
      if (tenant.busy === 0 && Date.now() - tenant.usedAt > idleMs) void closeTenant(tenant).catch(() => undefined)
  }
  const sweeps = idleMs < 0 ? undefined : setInterval(sweep, Math.min(Math.max(idleMs / 4, 20), longestSweepMs)).unref()

  return {
    /** The pages of an owner, or those that `isSeen`, in the order in which they were opened. */
    pages: (tenantId: string, isSeen: (owner: PageOwner) => boolean): OpenPage[] =>
      [...(tenants.get(tenantId)?.pages.values() ?? [])].filter(({ owner }) => isSeen(owner)),

    isRunning: (tenantId: string): boolean => tenants.has(tenantId),

    /** Starts the browser, and makes the owner's browser context. @throws TOOL_ERROR when it does not start */
    start: async (owner: PageOwner, signal: AbortSignal): Promise<void> => {
      const tenant = await tenantFor(owner.tenantId)
      try {
        await counted(tenant, () => orOver(contextFor(tenant, owner), signal))
      } catch (thrown) {
        signal.throwIfAborted()
        throw await worded(tenant, thrown)
      }
    },

    /** Opens a page, starting the browser where there is none. The tenant's oldest page makes way. */
    open: async (owner: PageOwner, signal: AbortSignal): Promise<OpenPage> => {
      const tenant = await tenantFor(owner.tenantId)
      return counted(tenant, async () => {
        tenant.opening++
        try {
          const isolated = await orOver(contextFor(tenant, owner), signal)
          while (tenant.pages.size >= maxPages) await closePage(tenant, [...tenant.pages.values()][0]!)
          return await orOver(
            isolated.context.newPage().then((page) => adopt(tenant, owner, isolated, page)),
            signal,
          )
        } catch (thrown) {
          signal.throwIfAborted()
          throw await worded(tenant, thrown)
        } finally {
          tenant.opening--
        }
      })
    },

    use,

    close: async (open: OpenPage): Promise<void> => {
      const tenant = tenants.get(open.owner.tenantId)
      if (tenant?.pages.get(open.id) === open) await closePage(tenant, open)
    },

    /** Closes all pages of an owner, with their cookies; the browser too, when it has nobody else's. */
    stop: async (owner: PageOwner): Promise<void> => {
      const tenant = tenants.get(owner.tenantId)
      const isolated = tenant?.contexts.get(ownerKeyOf(owner))
      if (!tenant || !isolated) return
      tenant.contexts.delete(ownerKeyOf(owner))
      for (const open of tenant.pages.values()) if (ownerKeyOf(open.owner) === ownerKeyOf(owner)) drop(tenant, open)
      if (tenant.contexts.size === 0) return closeTenant(tenant)
      await isolated.then(({ close }) => close()).catch(() => undefined)
    },

    closeAll: async (): Promise<void> => {
      isClosed = true
      clearInterval(sweeps)
      await Promise.all([...tenants.values()].map(closeTenant))
    },
  }
}

export type Browsers = ReturnType<typeof createBrowsers>
