/**
 * Keeps web pages away from an edge that asks for no token. Such an edge trusts whoever reaches it, and a browser on
 * the same machine reaches it on behalf of every page it shows: by a plain cross-site request, for which it may send no
 * Origin (images, links), or under the page's own name when that is made to resolve to this machine (DNS rebinding).
 */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { MeshError } from '@clawmesh/contracts'

const hostnameOf = (authority: string): string =>
  authority
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase()

/** Names that no page from elsewhere can have. */
const isOwnName = (hostname: string): boolean =>
  hostname === 'localhost' || hostname.endsWith('.localhost') || isIP(hostname) !== 0

const isSameOrigin = (origin: string, host: string): boolean => URL.parse(origin)?.host === host.toLowerCase()

interface GuardOptions {
  /** Only this machine can connect, so every proper request is for one of its own names. */
  loopbackOnly: boolean
  isAllowedOrigin: (origin: string) => boolean
}

/** @throws FORBIDDEN for a request that a browser makes for a page of elsewhere */
export const createForeignPageGuard =
  ({ loopbackOnly, isAllowedOrigin }: GuardOptions) =>
  ({ headers }: IncomingMessage): void => {
    const isListed = (name: string) => isAllowedOrigin(`http://${name}`) || isAllowedOrigin(`https://${name}`)
    const { host = '', origin, 'sec-fetch-site': site = 'none' } = headers
    const isAllowedPage = origin !== undefined && isAllowedOrigin(origin)
    const foreignOrigin = origin !== undefined && !isSameOrigin(origin, host)
    // What a browser says of the page that asks (Fetch Metadata): another port of this machine is same-site.
    const foreignPage = !isAllowedPage && (foreignOrigin || (site !== 'same-origin' && site !== 'none'))
    const foreignName = loopbackOnly && host !== '' && !isOwnName(hostnameOf(host)) && !isListed(host)
    if (foreignPage || foreignName) throw new MeshError('FORBIDDEN', 'error.foreign_page')
  }
