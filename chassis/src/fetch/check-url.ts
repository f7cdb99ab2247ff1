/** Whether a URL may be asked at all, and whether it may be kept for later (a provider's base, a webhook). */
import { lookup as dnsLookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { MeshError } from '@clawmesh/contracts'
import {
  forbiddenHostReason,
  isForbiddenAddress,
  loopbackHosts,
  normaliseHost,
  parseAllowList,
  type AllowList,
} from './address-guard.ts'
import { domainRefusal, type DomainPolicy } from './domain-policy.ts'

export interface UrlRules {
  /** Hosts, addresses and CIDRs that pass although they are private. */
  allow?: readonly string[] | undefined
  /** Lets the URL point at the own machine. */
  allowLoopback?: boolean | undefined
  policy?: DomainPolicy | undefined
}

export interface ResolvedAddress {
  address: string
  family: number
}

/** All addresses of a host name. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>

/** The system's resolver. */
export const systemResolve: Resolve = (hostname) => dnsLookup(hostname, { all: true })

/** The error of every refused address. `reason` is shown to users, so it names no address that DNS gave. */
export const urlBlocked = (reason: string): MeshError =>
  new MeshError('INVALID_REQUEST', 'error.url_blocked', { reason })

/** The exceptions the rules make, as they were written. */
export const allowEntries = (rules: UrlRules): string[] => [
  ...(rules.allow ?? []),
  ...(rules.allowLoopback ? loopbackHosts : []),
]

const allowListOf = (rules: UrlRules): AllowList => parseAllowList(allowEntries(rules))

const schemes = ['http:', 'https:']

/**
 * The parsed URL when its spelling is harmless: http or https, no user info, a host that is neither an internal name
 * nor a private address. What the name resolves to is checked when a connection is made.
 * @throws INVALID_REQUEST error.url_blocked
 */
export const checkPublicUrl = (input: string | URL, rules: UrlRules = {}): URL => {
  const url = URL.parse(String(input))
  if (!url) throw urlBlocked('not a URL')
  if (!schemes.includes(url.protocol)) throw urlBlocked('only http and https are allowed')
  if (url.username !== '' || url.password !== '') throw urlBlocked('credentials in the URL')
  const reason = forbiddenHostReason(url.hostname, allowListOf(rules)) ?? domainRefusal(url.hostname, rules.policy)
  if (reason !== undefined) throw urlBlocked(reason)
  return url
}

/**
 * The addresses of a host, all of them public. One private address among them refuses the host: a name that mixes
 * both is how a filter is slipped past.
 * @throws INVALID_REQUEST error.url_blocked; what the resolver throws
 */
export const resolvePublicHost = async (
  hostname: string,
  allow: AllowList,
  resolve: Resolve = systemResolve,
): Promise<readonly ResolvedAddress[]> => {
  const addresses = await resolve(hostname)
  const trusted = allow.names.has(normaliseHost(hostname))
  if (!trusted && addresses.some(({ address }) => isForbiddenAddress(address, allow))) {
    throw urlBlocked('the host name leads to a private address')
  }
  return addresses
}

/**
 * `checkPublicUrl`, then resolves the host and refuses it when any of its addresses is private. For URLs to be saved:
 * the answer may be another one when the URL is used, so use still goes through the guarded dispatcher.
 * @throws INVALID_REQUEST error.url_blocked, also when the name does not resolve
 */
export const resolvePublicUrl = async (
  input: string | URL,
  { resolve, ...rules }: UrlRules & { resolve?: Resolve | undefined } = {},
): Promise<{ url: URL; addresses: readonly ResolvedAddress[] }> => {
  const url = checkPublicUrl(input, rules)
  const host = normaliseHost(url.hostname)
  const family = isIP(host)
  if (family !== 0) return { url, addresses: [{ address: host, family }] }
  try {
    return { url, addresses: await resolvePublicHost(host, allowListOf(rules), resolve) }
  } catch (thrown) {
    throw thrown instanceof MeshError ? thrown : urlBlocked('the host name does not resolve')
  }
}
