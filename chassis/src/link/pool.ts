/**
 * The links to all replicas of a service, one each. Nothing runs while nothing is called: names are looked up, and links
 * that are missing opened, when a call asks for one.
 */
import type { TlsSettings } from '../grpc/tls.ts'
import { connectLink, type Link, type LinkState } from './client.ts'
import { resolveTarget, authorityOf } from './resolve.ts'

/** Names are looked up again this often, so that new replicas get their share. */
const resolveEveryMs = 5_000
/** After a failure to connect; twice as long after each further one. */
const firstBackoffMs = 100
const longestBackoffMs = 2_000
/** One that has left, or has no links, is asked again after this. */
const restMs = 5_000

/** No link to any replica, and none on its way. */
export class NoLinkError extends Error {
  /** Whether that is because servers know of no links, and take calls of their own. */
  readonly unsupported: boolean
  constructor(unsupported: boolean) {
    super(unsupported ? 'the server has no links' : 'no replica can be reached')
    this.unsupported = unsupported
  }
}

interface Replica {
  readonly address: string
  /** The link for new calls. */
  link?: Link
  /** Those that are leaving, while calls on them last. */
  readonly old: Set<Link>
  /** Dials since it was last reached. */
  failures: number
  /** When the last of its links closed. */
  closedAtMs: number
  dialAtMs: number
  unsupported: boolean
}

export interface LinkPool {
  /** A link for the next call, replicas taking turns. @throws NoLinkError when none can be had now */
  pick: () => Link | Promise<Link>
  /** What there is, for metrics. */
  links: () => readonly { state: LinkState; calls: number }[]
  traffic: () => { sent: number; received: number }
  close: () => void
}

export interface PoolOptions {
  /** As of gRPC: `dns:///agents:9090`, `ipv4:10.0.0.1:9090,10.0.0.2:9090`. */
  target: string
  tls?: TlsSettings
  identity: () => Promise<string>
  /** For tests. */
  resolve?: (target: string) => Promise<string[]>
}

const backoffMs = (failures: number): number =>
  Math.min(longestBackoffMs, firstBackoffMs * 2 ** (failures - 1)) * (0.8 + Math.random() * 0.4)

/** A pool for one target. */
export const createLinkPool = ({ target, tls = {}, identity, resolve = resolveTarget }: PoolOptions): LinkPool => {
  const replicas = new Map<string, Replica>()
  const authority = authorityOf(target)
  const gone = { sent: 0, received: 0 }
  let order: Replica[] = []
  let turn = 0
  let resolving: Promise<void> | undefined
  let resolveAtMs = 0
  let closed = false
  let waiting: (() => void)[] = []

  const wake = (): void => {
    const woken = waiting
    waiting = []
    for (const each of woken) each()
  }
  const allLinks = (): Link[] =>
    [...replicas.values()].flatMap(({ link, old }) => (link === undefined ? [...old] : [link, ...old]))
  const anyReady = (): boolean => order.some(({ link }) => link?.state() === 'ready')

  /** Old links end with their last call, once there is another way. */
  const sweep = (): void => {
    for (const [address, replica] of replicas) {
      for (const link of replica.old) if (link.calls() === 0 && (closed || anyReady())) link.close()
      if (!order.includes(replica) && replica.link === undefined && replica.old.size === 0) replicas.delete(address)
    }
  }

  const retire = (replica: Replica): void => {
    if (replica.link === undefined) return
    replica.old.add(replica.link)
    delete replica.link
  }

  /** What follows from a link's new state. */
  const settle = (replica: Replica, link: Link, again: boolean): void => {
    const state = link.state()
    const current = replica.link === link
    if (state === 'ready') {
      replica.failures = 0
      replica.unsupported = false
    } else if (state === 'leaving' && current) {
      retire(replica)
      replica.dialAtMs = again ? 0 : Date.now() + restMs
      if (again && order.includes(replica)) dial(replica)
    } else if (state === 'closed' || state === 'unsupported') {
      gone.sent += link.traffic().sent
      gone.received += link.traffic().received
      replica.old.delete(link)
      if (current) {
        delete replica.link
        replica.closedAtMs = Date.now()
        replica.unsupported = state === 'unsupported'
        // One that was there is dialled again at once.
        const pauseMs = replica.unsupported ? restMs : replica.failures === 0 ? 0 : backoffMs(replica.failures)
        replica.dialAtMs = Date.now() + pauseMs
      } else if (replica.link === undefined && replica.old.size === 0) replica.dialAtMs = 0
    }
    wake()
    if (!closed) sweep()
  }

  const dial = (replica: Replica): void => {
    replica.failures++
    const link = connectLink({
      address: replica.address,
      authority,
      tls,
      identity,
      changed: (again) => settle(replica, link, again),
      idle: () => {
        if (replica.old.has(link)) sweep()
      },
    })
    replica.link = link
  }

  const know = (addresses: readonly string[]): void => {
    order = addresses.map((address) => {
      const known: Replica = replicas.get(address) ?? {
        address,
        old: new Set(),
        failures: 0,
        closedAtMs: 0,
        dialAtMs: 0,
        unsupported: false,
      }
      replicas.set(address, known)
      return known
    })
    for (const replica of replicas.values()) if (!order.includes(replica)) retire(replica)
  }
  const resolveAgain = async (): Promise<void> => {
    try {
      const addresses = await resolve(target)
      if (!closed && addresses.length > 0) know(addresses)
    } catch {
      // While names cannot be looked up, the addresses of before are the best there is.
    } finally {
      resolveAtMs = Date.now() + (order.length === 0 ? firstBackoffMs : resolveEveryMs)
      resolving = undefined
      // Those that are new are dialled now, not by the next call, which may be long in coming.
      if (!closed) {
        tend(Date.now())
        sweep()
      }
      wake()
    }
  }

  /** Looks names up and opens links where it is time to. */
  const tend = (nowMs: number): void => {
    if (resolveAtMs <= nowMs) resolving ??= resolveAgain()
    for (const replica of order) if (replica.link === undefined && replica.dialAtMs <= nowMs) dial(replica)
  }

  const nextReady = (): Link | undefined => {
    for (let tried = 0; tried < order.length; tried++) {
      turn = (turn + 1) % order.length
      const { link } = order[turn]!
      if (link?.state() === 'ready') return link
    }
    // Those that are leaving still answer.
    return allLinks().find((link) => link.state() === 'leaving' || link.state() === 'ready')
  }

  /**
   * A call that has nothing else is worth a dial before its time, once: so a process that has just come up is
   * not refused for as long as it was away. When the next one is due; undefined when all have been dialled since.
   */
  const hasten = (sinceMs: number): number | undefined => {
    const resting = order.filter(
      ({ link, unsupported, closedAtMs }) => link === undefined && !unsupported && closedAtMs <= sinceMs,
    )
    for (const replica of resting) replica.dialAtMs = Math.min(replica.dialAtMs, replica.closedAtMs + firstBackoffMs)
    return resting.length === 0 ? undefined : Math.min(...resting.map(({ dialAtMs }) => dialAtMs))
  }

  const pickLater = async (): Promise<Link> => {
    const beganMs = Date.now()
    for (;;) {
      if (closed) throw new NoLinkError(false)
      tend(Date.now())
      const link = nextReady()
      if (link !== undefined) return link
      const hopeful = resolving !== undefined || order.some((replica) => replica.link?.state() === 'connecting')
      const dueMs = hopeful ? undefined : hasten(beganMs)
      if (!hopeful && dueMs === undefined) throw new NoLinkError(order.some(({ unsupported }) => unsupported))
      const due = dueMs === undefined ? undefined : setTimeout(wake, Math.max(0, dueMs - Date.now()))
      await new Promise<void>((resolveWait) => waiting.push(resolveWait))
      clearTimeout(due)
    }
  }

  return {
    pick: () => {
      tend(Date.now())
      return nextReady() ?? pickLater()
    },
    links: () => allLinks().map((link) => ({ state: link.state(), calls: link.calls() })),
    traffic: () =>
      allLinks().reduce(
        (sum, link) => ({ sent: sum.sent + link.traffic().sent, received: sum.received + link.traffic().received }),
        gone,
      ),
    close: () => {
      closed = true
      for (const link of allLinks()) link.close()
      replicas.clear()
      order = []
      wake()
    },
  }
}
