/** Which addresses and host names an outgoing request must never reach. Pure: no lookups, no sockets. */
import { BlockList, isIP } from 'node:net'
import { trimEndOf } from '../text/trim.ts'

/** IPv4 ranges that are not public unicast (IANA special-purpose registry), with the clouds' own in between. */
const forbiddenV4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier NAT; Alibaba's metadata lives here
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure's host agent: a public number that leads to the own host
  '169.254.0.0/16', // link local, cloud metadata
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments; Oracle's metadata lives here
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT relays
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
]

/**
 * IPv6 is judged the other way round: only global unicast passes, so loopback, link, site and unique local, multicast
 * and every form that carries an IPv4 address (mapped, compatible, NAT64 64:ff9b::/96 and 64:ff9b:1::/48) is out.
 */
const globalV6 = ['2000::/3']
const forbiddenV6 = [
  '2001::/23', // protocol assignments: Teredo, benchmarks, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4 carries an IPv4 address
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
]

/** RFC 1035, without the root's dot. */
const longestHostName = 253

const forbiddenNames = ['localhost', 'metadata.google.internal', 'metadata']
const forbiddenSuffixes = ['.localhost', '.localdomain', '.local', '.internal']

/** Adds `address`, `address/bits`. @throws TypeError when it is neither. */
const addRange = (list: BlockList, range: string): void => {
  const [address = '', bits] = range.split('/')
  const version = isIP(address)
  if (version === 0) throw new TypeError(`not an address or CIDR: ${range}`)
  const longest = version === 4 ? 32 : 128
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= longest)) {
    throw new TypeError(`not an address or CIDR: ${range}`)
  }
  list.addSubnet(address, bits === undefined ? longest : Number(bits), version === 4 ? 'ipv4' : 'ipv6')
}

const rangeList = (ranges: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const range of ranges) addRange(list, range)
  return list
}

const v4 = rangeList(forbiddenV4)
const v6 = rangeList(forbiddenV6)
const v6Global = rangeList(globalV6)

/** Exceptions an operator makes: host names that may lead anywhere, and address ranges that count as public. */
export interface AllowList {
  names: ReadonlySet<string>
  v4: BlockList
  v6: BlockList
}

/** Lower case, without brackets and trailing dots: the form in which hosts are compared. */
export const normaliseHost = (host: string): string => trimEndOf(host.toLowerCase().replace(/^\[|\]$/g, ''), '.')

/** Reads host names, addresses and CIDRs. @throws TypeError on a malformed CIDR */
export const parseAllowList = (entries: readonly string[] = []): AllowList => {
  const hosts = entries.map((entry) => normaliseHost(entry.trim())).filter((entry) => entry !== '')
  const ranges = hosts.filter((host) => host.includes('/') || isIP(host) !== 0)
  // Kept apart by family: a BlockList lets an IPv4 address match an IPv6 rule through its mapped form.
  return {
    names: new Set(hosts.filter((host) => !ranges.includes(host))),
    v4: rangeList(ranges.filter((range) => !range.includes(':'))),
    v6: rangeList(ranges.filter((range) => range.includes(':'))),
  }
}

const nothingAllowed = parseAllowList()

/** What lets a URL point at the own machine, for providers such as Ollama on a single host. */
export const loopbackHosts = ['localhost', '127.0.0.0/8', '::1'] as const

/**
 * Whether an address in its canonical text form must not be connected to. What is no address, or names a network
 * interface (`fe80::1%eth0`), is forbidden too.
 */
export const isForbiddenAddress = (address: string, allow: AllowList = nothingAllowed): boolean => {
  const version = address.includes('%') ? 0 : isIP(address)
  if (version === 4) return v4.check(address, 'ipv4') && !allow.v4.check(address, 'ipv4')
  if (version === 0) return true
  if (allow.v6.check(address, 'ipv6')) return false
  return !v6Global.check(address, 'ipv6') || v6.check(address, 'ipv6')
}

/** `127.1`, `0x7f000001`: what a resolver may still read as a number although it is no dotted quad. */
const looksNumeric = (host: string): boolean => /(^|\.)(\d+|0x[\da-f]*)$/.test(host)

/**
 * Why a host from a URL must not be asked, judged by its spelling alone; undefined when only its addresses can tell.
 * Case, brackets and trailing dots do not matter.
 */
export const forbiddenHostReason = (host: string, allow: AllowList = nothingAllowed): string | undefined => {
  const name = normaliseHost(host)
  if (name === '') return 'host missing'
  if (name.length > longestHostName) return 'host name too long'
  if (allow.names.has(name)) return undefined
  if (isIP(name) !== 0) return isForbiddenAddress(name, allow) ? 'private or reserved address' : undefined
  if (looksNumeric(name)) return 'malformed address'
  const forbidden = forbiddenNames.includes(name) || forbiddenSuffixes.some((suffix) => name.endsWith(suffix))
  return forbidden ? 'internal host name' : undefined
}
