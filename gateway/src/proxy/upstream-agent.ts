/**
 * Connections to a service in other processes. Balancing and failing over happen where a connection is made: each new
 * one goes to the next address of the service, and when that refuses, to the one after it. At that moment nothing of
 * the request has left this process, so trying again is safe whatever its method and body.
 */
import { lookup } from 'node:dns/promises'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

interface Address {
  readonly host: string
  readonly port: number
  /** Name for TLS; undefined for plain connections. */
  readonly serverName: string | undefined
}

const connectTimeoutMs = 2_000
/** An address that refused is passed over this long while there are others. */
const benchMs = 1_000
/** One that said that it is leaving is passed over this long. */
const retiredMs = 5_000
/** Names are looked up again this often, so that new replicas get their share. */
const resolveEveryMs = 5_000
/** A connection older than this is not used again, for the same reason. */
const maxConnectionAgeMs = 60_000
const maxIdleConnections = 1_024

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')

/** Every address behind the URLs, in order. @throws the lookup's error when no name is known */
const resolveAll = async (targets: readonly URL[]): Promise<Address[]> => {
  const found = await Promise.allSettled(
    targets.map(async ({ hostname, port, protocol }) => {
      const name = bare(hostname)
      const secure = protocol === 'https:'
      const hosts = isIP(name) === 0 ? await lookup(name, { all: true }) : [{ address: name }]
      return hosts.map(({ address }) => ({
        host: address,
        port: Number(port) || (secure ? 443 : 80),
        serverName: secure ? name : undefined,
      }))
    }),
  )
  const addresses = found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
  const failed = found.find((result) => result.status === 'rejected')
  if (addresses.length === 0) throw failed?.reason ?? new Error('no upstream is configured')
  return addresses
}

const open = ({ host, port, serverName }: Address): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const options = { host, port, noDelay: true, keepAlive: true }
    const socket =
      serverName === undefined
        ? connectTcp(options)
        : connectTls({ ...options, ...(isIP(serverName) === 0 ? { servername: serverName } : {}) })
    const fail = (fault: Error) => {
      clearTimeout(timer)
      socket.destroy()
      reject(fault)
    }
    const timer = setTimeout(
      () => fail(new Error(`${host}:${port} did not accept within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    )
    socket.once('error', fail)
    socket.once(serverName === undefined ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer)
      socket.off('error', fail)
      resolve(socket)
    })
  })

interface Connection {
  readonly socket: Socket
  /** Host and port. */
  readonly name: string
}

interface Balancer {
  connect: () => Promise<Connection>
  /** Passes an address over for a while, as long as there are others. */
  bench: (name: string, forMs: number) => void
}

/** Opens connections to the addresses of a service in turn, those that are benched last. */
const balancer = (targets: readonly URL[]): Balancer => {
  const benchedUntil = new Map<string, number>()
  let resolved: { addresses: Promise<Address[]>; untilMs: number } | undefined
  let turn = 0

  const currentAddresses = (): Promise<Address[]> => {
    if (resolved !== undefined && resolved.untilMs > Date.now()) return resolved.addresses
    const addresses = resolveAll(targets)
    resolved = { addresses, untilMs: Date.now() + resolveEveryMs }
    addresses.catch(() => (resolved = undefined))
    return addresses
  }

  const nameOf = ({ host, port }: Address): string => `${host} ${port}`
  const inTurn = (addresses: readonly Address[]): Address[] => {
    const start = turn++ % addresses.length
    const rotated = [...addresses.slice(start), ...addresses.slice(0, start)]
    const benched = (address: Address) => (benchedUntil.get(nameOf(address)) ?? 0) > Date.now()
    return [...rotated.filter((address) => !benched(address)), ...rotated.filter(benched)]
  }
  const bench = (name: string, forMs: number) => void benchedUntil.set(name, Date.now() + forMs)

  return {
    bench,
    connect: async () => {
      let fault: unknown
      for (const address of inTurn(await currentAddresses())) {
        const name = nameOf(address)
        try {
          return { socket: await open(address), name }
        } catch (thrown) {
          fault = thrown
          bench(name, benchMs)
        }
      }
      throw fault
    },
  }
}

export interface UpstreamAgent {
  agent: HttpAgent
  /**
   * Takes note that the replica at the other end of a connection is leaving. Its idle connections are closed from this
   * side: were one used while the replica closes it, the request would be lost.
   */
  retire: (socket: object) => void
}

/** A keep-alive agent whose connections are spread over the replicas of one service. All targets share a protocol. */
export const upstreamAgent = (targets: readonly URL[]): UpstreamAgent => {
  const Agent = targets[0]?.protocol === 'https:' ? HttpsAgent : HttpAgent
  // First in, first out: every open connection gets its turn, and with it every replica.
  const agent = new Agent({ keepAlive: true, scheduling: 'fifo', maxFreeSockets: maxIdleConnections })
  const { connect, bench } = balancer(targets)
  const connections = new WeakMap<object, { name: string; openedAtMs: number }>()

  agent.createConnection = (_options, callback) => {
    connect().then(
      ({ socket, name }) => {
        connections.set(socket, { name, openedAtMs: Date.now() })
        callback?.(null, socket)
      },
      // The agent asks for a socket beside the error, but does not look at it.
      (fault: Error) => (callback as ((fault: Error) => void) | undefined)?.(fault),
    )
    return undefined
  }
  const keepAlive = agent.keepSocketAlive.bind(agent) as (socket: object) => boolean
  agent.keepSocketAlive = (socket) =>
    Date.now() - (connections.get(socket)?.openedAtMs ?? 0) < maxConnectionAgeMs && keepAlive(socket)

  return {
    agent,
    retire: (socket) => {
      const name = connections.get(socket)?.name
      if (name === undefined) return
      bench(name, retiredMs)
      for (const idle of Object.values(agent.freeSockets).flat())
        if (idle !== undefined && connections.get(idle)?.name === name) idle.destroy()
    },
  }
}
