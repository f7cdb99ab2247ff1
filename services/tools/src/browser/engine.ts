/** A browser that is spoken to, and the browser contexts in it: each with cookies of its own, and with the proxy as its way out. */
import { once } from 'node:events'
import type { Browser, BrowserContext, ConnectionTransport } from 'puppeteer-core'
import { guardedFetch } from '@clawmesh/chassis/fetch'
import { z } from 'zod'
import type { BrowserPlace } from './find.ts'
import { launchBrowser } from './launch.ts'
import { within } from './within.ts'
import { createGuardingProxy, credentialsUrl, type GuardingProxy, type ProxyLease, type ProxyRules } from './proxy.ts'

export interface Engine {
  browser: Browser
  /** Makes a browser context. @throws Error when the browser does not answer */
  open: () => Promise<IsolatedContext>
  /** Fulfilled with why, once it has ended, whoever ended it. */
  ended: Promise<string>
  /** Ends it, with everything it has started; one elsewhere is left alone. */
  close: () => Promise<void>
}

export interface IsolatedContext {
  context: BrowserContext
  takeRefusal: ProxyLease['takeRefusal']
  close: () => Promise<void>
}

interface EngineParts {
  place: BrowserPlace
  rules: ProxyRules
  memoryBytes: number
}

const answerMs = 15_000
const closedByUs = 'it was closed'
const contextMs = 60_000
const leaveMs = 5_000
const credentialsTries = 50
const credentialsPauseMs = 100
const viewport = { width: 1_280, height: 800 }

const connect = async (transport: ConnectionTransport): Promise<Browser> => {
  // Loaded when a browser is first wanted. This entry cannot start programs: the chassis does that.
  const { connect: speak } = await import('puppeteer-core/lib/puppeteer/puppeteer-core-browser.js')
  const browser = await speak({
    transport,
    protocol: 'cdp',
    protocolTimeout: answerMs,
    defaultViewport: viewport,
    networkEnabled: false,
    issuesEnabled: false,
    acceptInsecureCerts: false,
  })
  // The same class: the types of this entry are written beside those of the package.
  return browser as unknown as Browser
}

/**
 * Gives the proxy's credentials to a browser context: asked by the proxy alone, never by a site, and before any page is there. The
 * browser keeps them for the context.
 */
const giveCredentials = async (context: BrowserContext, { username, password }: ProxyLease): Promise<void> => {
  const page = await context.newPage()
  try {
    const session = await page.createCDPSession()
    const ignore = () => undefined
    session.on('Fetch.requestPaused', ({ requestId }) => {
      session.send('Fetch.continueRequest', { requestId }).catch(ignore)
    })
    session.on('Fetch.authRequired', ({ requestId, authChallenge: { source } }) => {
      const answer =
        source === 'Proxy'
          ? ({ response: 'ProvideCredentials', username, password } as const)
          : ({ response: 'CancelAuth' } as const)
      session.send('Fetch.continueWithAuth', { requestId, authChallengeResponse: answer }).catch(ignore)
    })
    await session.send('Fetch.enable', { handleAuthRequests: true })
    // The way to the proxy is made while the browser starts.
    for (let at = 0; ; at++) {
      const arrived = await page.goto(credentialsUrl, { timeout: answerMs }).then(
        () => true,
        (thrown: unknown) => {
          if (at >= credentialsTries) throw thrown
          return false
        },
      )
      if (arrived) return
      await new Promise((resolve) => setTimeout(resolve, credentialsPauseMs))
    }
  } finally {
    await within(leaveMs, page.close())
  }
}

const makeContext = async (browser: Browser, proxy: GuardingProxy, proxyServer: string): Promise<IsolatedContext> => {
  const lease = proxy.lease()
  const context = await browser.createBrowserContext({
    proxyServer,
    proxyBypassList: ['<-loopback>'],
    downloadBehavior: { policy: 'deny' },
  })
  const close = async (): Promise<void> => {
    lease.end()
    await within(leaveMs, context.close())
  }
  try {
    await giveCredentials(context, lease)
  } catch (thrown) {
    await close()
    throw thrown
  }
  return { context, takeRefusal: lease.takeRefusal, close }
}

/** Waits for what may never come from a browser that has gone. @throws Error when it has, or takes too long */
const orGone = async <T>(work: Promise<T>, ended: Promise<string>): Promise<T> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('the browser did not answer in time')), contextMs)
  const gone = ended.then((why) => Promise.reject(new Error(`the browser has ended: ${why}`)))
  try {
    return await Promise.race([work, gone, late.promise])
  } finally {
    clearTimeout(timer)
    work.catch(() => undefined)
  }
}

const openLocal = async (place: BrowserPlace & { kind: 'local' }, parts: EngineParts): Promise<Engine> => {
  const { rules, memoryBytes } = parts
  const launched = await launchBrowser({ ...place, rules, memoryBytes })
  let isClosed = false
  const ended = launched.ended.then((why) => (isClosed ? closedByUs : why))
  try {
    const browser = await orGone(connect(launched.transport), ended)
    return {
      browser,
      ended,
      open: () => orGone(makeContext(browser, launched.proxy, launched.proxyServer), ended),
      close: async () => {
        isClosed = true
        await launched.kill()
        await ended
      },
    }
  } catch (thrown) {
    await launched.kill()
    throw thrown
  }
}

const versionSchema = z.object({ webSocketDebuggerUrl: z.url({ protocol: /^wss?$/ }) })

/** The address of the protocol, which a browser tells who asks it over HTTP. */
const endpointOf = async (url: URL): Promise<string> => {
  if (url.protocol.startsWith('ws')) return url.href
  // The operator named it, so it may stand wherever it likes.
  const { body } = await guardedFetch(new URL('/json/version', url), { allow: [url.hostname], allowLoopback: true })
  const { webSocketDebuggerUrl } = versionSchema.parse(JSON.parse(Buffer.from(body).toString()))
  const endpoint = new URL(webSocketDebuggerUrl)
  endpoint.host = url.host
  return endpoint.href
}

const openRemote = async (place: BrowserPlace & { kind: 'remote' }, parts: EngineParts): Promise<Engine> => {
  const socket = new WebSocket(await endpointOf(place.url))
  const transport: ConnectionTransport = {
    send: (message) => socket.send(message),
    close: () => socket.close(),
  }
  let isClosed = false
  const gone = Promise.withResolvers<string>()
  const proxy = createGuardingProxy(parts.rules)
  socket.addEventListener('message', ({ data }) => transport.onmessage?.(String(data)))
  socket.addEventListener('error', () => socket.close())
  socket.addEventListener('close', () => {
    gone.resolve(isClosed ? closedByUs : 'the connection to it is gone')
    transport.onclose?.()
    void proxy.close()
  })
  try {
    await Promise.race([
      once(socket, 'open'),
      once(socket, 'close').then(() => Promise.reject(new Error('the browser cannot be reached'))),
    ])
    const { host, port } = place.proxy
    const isHere = port === 0
    const listening = await proxy.listen({ host: isHere ? host : '0.0.0.0', port })
    const browser = await orGone(connect(transport), gone.promise)
    return {
      browser,
      ended: gone.promise,
      open: () => orGone(makeContext(browser, proxy, `http://${host}:${listening}`), gone.promise),
      close: async () => {
        isClosed = true
        await browser.disconnect()
        socket.close()
        await proxy.close()
      },
    }
  } catch (thrown) {
    socket.close()
    await proxy.close()
    throw thrown
  }
}

/** @throws Error when the browser cannot be started or reached */
export const openEngine = (parts: EngineParts): Promise<Engine> =>
  parts.place.kind === 'local' ? openLocal(parts.place, parts) : openRemote(parts.place, parts)
