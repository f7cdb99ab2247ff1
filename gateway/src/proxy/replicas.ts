/**
 * The replicas of one service, each with its pool of connections. A request goes to the replica with the fewest requests
 * under way; one that refused or is leaving is passed over while there are others.
 */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { Pool } from 'undici'

const connectTimeoutMs = 2_000
/** A replica that refused is passed over this long. */
const benchMs = 1_000
/** One that said that it is leaving is passed over this long. */
const retiredMs = 5_000
/** Names are looked up again this often, so that new replicas get their share. */
const resolveEveryMs = 5_000

export interface Replica {
  readonly pool: Pool
  /** Requests under way; whoever sends one counts it. */
  underWay: number
}

interface Address {
  /** Scheme, address and port. */
  readonly origin: string
  /** Name for TLS; undefined for plain connections. */
  readonly serverName: string | undefined
}

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')

/** Every address behind the URLs, in order. @throws the lookup's error when no name is known */
const resolveAll = async (targets: readonly URL[]): Promise<Address[]> => {
  const found = await Promise.allSettled(
    targets.map(async ({ hostname, port, protocol }) => {
      const name = bare(hostname)
      const secure = protocol === 'https:'
      const hosts = isIP(name) === 0 ? await lookup(name, { all: true }) : [{ address: name }]
      return hosts.map(({ address }) => ({
        origin: `${protocol}//${isIP(address) === 6 ? `[${address}]` : address}:${port || (secure ? 443 : 80)}`,
        serverName: secure && isIP(name) === 0 ? name : undefined,
      }))
    }),
  )
  const addresses = found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
  const failed = found.find((result) => result.status === 'rejected')
  if (addresses.length === 0) throw failed?.reason ?? new Error('no upstream is configured')
  return addresses
}

const replicaAt = ({ origin, serverName }: Address): Replica => ({
  underWay: 0,
  pool: new Pool(origin, {
    connections: null,
    pipelining: 1,
    allowH2: false,
    // How long an answer may take is for the service and the client to say.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: connectTimeoutMs,
      keepAlive: true,
      ...(serverName === undefined ? {} : { servername: serverName }),
    },
  }),
})

interface Replicas {
  /**
   * The replica for a request, another than those that were tried; undefined when all were.
   * @throws the lookup's error when no address is known
   */
  pick: (tried: readonly Replica[]) => Promise<Replica | undefined>
  /** Passes a replica over for a moment: it could not be reached. */
  bench: (replica: Replica) => void
  /** Takes note that a replica is leaving: what runs there ends, nothing new goes there on an old connection. */
  retire: (replica: Replica) => void
  close: () => void
}

export const createReplicas = (targets: readonly URL[]): Replicas => {
  const replicas = new Map<string, Replica>()
  const benchedUntil = new Map<string, number>()
  let known: Address[] = []
  let resolving: Promise<void> | undefined
  let resolveAgainAtMs = 0
  let turn = 0

  /** Lets requests that are under way end; idle connections are closed from this side, so that none is lost on them. */
  const drop = (origin: string): void => {
    void replicas.get(origin)?.pool.close()
    replicas.delete(origin)
  }

  const resolve = async (): Promise<void> => {
    try {
      known = await resolveAll(targets)
      for (const origin of replicas.keys()) if (known.every((address) => address.origin !== origin)) drop(origin)
    } catch (fault) {
      // While names cannot be looked up, the addresses of before are the best there is.
      if (known.length === 0) throw fault
    } finally {
      resolveAgainAtMs = Date.now() + resolveEveryMs
      resolving = undefined
    }
  }

  const at = (address: Address): Replica => {
    const found = replicas.get(address.origin) ?? replicaAt(address)
    replicas.set(address.origin, found)
    return found
  }

  const pass = (replica: Replica, forMs: number): string | undefined => {
    const [origin] = [...replicas].find(([, one]) => one === replica) ?? []
    if (origin !== undefined) benchedUntil.set(origin, Date.now() + forMs)
    return origin
  }

  const fewest = (addresses: readonly Address[], tried: readonly Replica[]): Replica | undefined => {
    const start = turn++
    let best: Replica | undefined
    for (let i = 0; i < addresses.length; i++) {
      const replica = at(addresses[(start + i) % addresses.length]!)
      if (!tried.includes(replica) && (best === undefined || replica.underWay < best.underWay)) best = replica
    }
    return best
  }

  return {
    pick: async (tried) => {
      const now = Date.now()
      if (resolveAgainAtMs <= now) resolving ??= resolve()
      if (known.length === 0) await resolving
      const free = known.filter(({ origin }) => (benchedUntil.get(origin) ?? 0) <= now)
      return fewest(free, tried) ?? fewest(known, tried)
    },
    bench: (replica) => void pass(replica, benchMs),
    retire: (replica) => {
      const origin = pass(replica, retiredMs)
      if (origin !== undefined) drop(origin)
    },
    close: () => {
      for (const { pool } of replicas.values()) void pool.destroy()
    },
  }
}
