/** Which browser an installation has, and what would hold it. */
import { accessSync, constants } from 'node:fs'
import { isIP } from 'node:net'
import { findProgram } from '@clawmesh/chassis/exec'
import { loopbackHosts, isForbiddenAddress, parseAllowList } from '@clawmesh/chassis/fetch'
import type { FoundSandbox, Sandbox } from '../exec/sandbox.ts'

export interface BrowserSettings {
  browserEnabled: boolean
  browserPath: string
  browserOnHost: boolean
  browserRemoteUrl: string
  browserProxyAddress: string
}

/** Where the requests of a browser come back to. */
export interface ProxyPlace {
  host: string
  port: number
}

export type BrowserPlace =
  { kind: 'local'; program: string; sandbox: Sandbox | undefined } | { kind: 'remote'; url: URL; proxy: ProxyPlace }

export type FoundBrowser = { place: BrowserPlace } | { place?: undefined; missing: string }

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

const programIn = async (path: string): Promise<string | undefined> => {
  if (path !== '') {
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      return undefined
    }
  }
  for (const name of names) {
    const found = await findProgram(name).catch(() => undefined)
    if (found !== undefined) return found
  }
  return undefined
}

const loopback = parseAllowList(loopbackHosts)

/** Whether a host is this machine for certain. */
export const isLoopback = (hostname: string): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  return (
    loopback.names.has(host) || (isIP(host) !== 0 && isForbiddenAddress(host) && !isForbiddenAddress(host, loopback))
  )
}

const remote = ({ browserRemoteUrl, browserProxyAddress }: BrowserSettings): FoundBrowser => {
  const url = new URL(browserRemoteUrl)
  const [host = '', port = ''] = browserProxyAddress.split(':')
  if (host !== '') return { place: { kind: 'remote', url, proxy: { host, port: Number(port) } } }
  if (isLoopback(url.hostname)) return { place: { kind: 'remote', url, proxy: { host: '127.0.0.1', port: 0 } } }
  return { missing: 'CLAWMESH_BROWSER_PROXY_ADDRESS has to say where the browser elsewhere reaches this process' }
}

/**
 * What is there, judged without starting it.
 * @param findSandbox whether the machine has bubblewrap; asked where a program was found
 */
export const findBrowser = async (
  settings: BrowserSettings,
  findSandbox: () => Promise<FoundSandbox>,
): Promise<FoundBrowser> => {
  if (!settings.browserEnabled) return { missing: 'CLAWMESH_BROWSER_ENABLED is false' }
  if (settings.browserRemoteUrl !== '') return remote(settings)
  const program = await programIn(settings.browserPath)
  if (program === undefined)
    return {
      missing:
        settings.browserPath === ''
          ? `none of ${names.join(', ')} is in PATH`
          : `${settings.browserPath} is no program that can be run`,
    }
  const found = await findSandbox()
  if (found.sandbox) return { place: { kind: 'local', program, sandbox: found.sandbox } }
  if (settings.browserOnHost) return { place: { kind: 'local', program, sandbox: undefined } }
  return { missing: `${found.missing}, and CLAWMESH_BROWSER_ON_HOST does not let ${program} run on the machine itself` }
}

/** For people: how a browser would be held. */
export const describePlace = (place: BrowserPlace): string => {
  if (place.kind === 'remote') return `${place.url.origin}, whose requests come back to this process to be guarded`
  if (place.sandbox) return `${place.program}, in bubblewrap, without a network but the guarded way out`
  return process.getuid?.() === 0
    ? `${place.program}, on the machine itself as root, so WITHOUT ANY SANDBOX (CLAWMESH_BROWSER_ON_HOST); install bubblewrap`
    : `${place.program}, on the machine itself in its own sandbox (CLAWMESH_BROWSER_ON_HOST)`
}
