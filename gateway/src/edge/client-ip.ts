/** The address of the client behind the proxies that are known to tell the truth. */
import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

const versions = { 4: 'ipv4', 6: 'ipv6' } as const

/** A list of addresses and CIDR ranges. @throws Error naming the first that is neither */
export const addressRanges = (ranges: readonly string[]): BlockList => {
  const known = new BlockList()
  for (const range of ranges) {
    const [address = '', bits, ...rest] = range.split('/')
    const version = isIP(address) as 0 | 4 | 6
    const longest = version === 4 ? 32 : 128
    const length = bits === undefined ? longest : Number(bits)
    const valid = version !== 0 && rest.length === 0 && (bits === undefined || /^\d{1,3}$/.test(bits))
    if (!valid || length > longest) throw new Error(`not an address or CIDR range: ${range}`)
    known.addSubnet(address, length, versions[version])
  }
  return known
}

/** IPv4 clients of a dual-stack socket look like `::ffff:192.0.2.1`. */
const plain = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address)

const isIn = (ranges: BlockList, address: string): boolean => {
  const version = isIP(address)
  return version !== 0 && ranges.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/**
 * Finds a request's client. `X-Forwarded-For` is read from its end, where trusted proxies append: the first address
 * that is none of theirs is the client; what stands before it was written by the client itself. `X-Real-IP` counts
 * when there is no usable `X-Forwarded-For`.
 */
export const createClientIpFinder = (trustedProxies: readonly string[]) => {
  const trusted = addressRanges(trustedProxies)
  const trustsNobody = trustedProxies.length === 0

  return (request: IncomingMessage): string => {
    const peer = plain(request.socket.remoteAddress ?? '')
    if (trustsNobody || !isIn(trusted, peer)) return peer
    const hops = String(request.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((hop) => plain(hop.trim()))
    const client = hops.findLast((hop) => !isIn(trusted, hop))
    if (client !== undefined && isIP(client) !== 0) return client
    const realIp = plain(String(request.headers['x-real-ip'] ?? '').trim())
    return isIP(realIp) === 0 ? peer : realIp
  }
}
