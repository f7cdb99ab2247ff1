/** Names of services to the addresses of their replicas. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'

const defaultPort = '443'

interface Target {
  /** Hosts or addresses, with ports. */
  readonly hosts: readonly { host: string; port: string }[]
}

const bracketed = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host)

const split = (authority: string): { host: string; port: string } => {
  const [, host, port] = /^\[([^\]]*)\](?::(\d+))?$/.exec(authority) ?? /^([^:]*)(?::(\d+))?$/.exec(authority) ?? []
  return { host: host ?? authority, port: port ?? defaultPort }
}

/** Targets as gRPC writes them: `dns:///name:port`, `ipv4:address:port,address:port`, `name:port`. */
const parse = (target: string): Target => {
  const [, scheme = 'dns', rest = target] = /^(dns|ipv4|ipv6):(?:\/\/[^/]*\/)?(.*)$/.exec(target) ?? []
  return { hosts: (scheme === 'dns' ? [rest] : rest.split(',')).map((each) => split(each.trim())) }
}

/** What a target is called: what a proxy in between tells services apart by. */
export const authorityOf = (target: string): string => {
  const [{ host, port }] = parse(target).hosts as [{ host: string; port: string }]
  return `${bracketed(host)}:${port}`
}

/** The host of an authority: what a certificate is to be of. */
export const hostOf = (authority: string): string => split(authority).host

/** The addresses behind a target, as `address:port`. @throws the lookup's error when the name is unknown */
export const resolveTarget = async (target: string): Promise<string[]> => {
  const found = await Promise.all(
    parse(target).hosts.map(async ({ host, port }) => {
      const addresses = isIP(host) === 0 ? await lookup(host, { all: true }) : [{ address: host }]
      return addresses.map(({ address }) => `${bracketed(address)}:${port}`)
    }),
  )
  return [...new Set(found.flat())]
}
