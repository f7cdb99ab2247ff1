/** An undici dispatcher that cannot connect to a private address, whoever hands it a URL. */
import type { LookupFunction } from 'node:net'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import { forbiddenHostReason, normaliseHost, parseAllowList, type AllowList } from './address-guard.ts'
import { resolvePublicHost, systemResolve, urlBlocked, type Resolve } from './check-url.ts'
import { withoutContinue } from './without-continue.ts'

export interface DispatcherOptions {
  /** Hosts, addresses and CIDRs that pass although they are private. */
  allow?: readonly string[] | undefined
  /** Instead of the system's resolver. */
  resolve?: Resolve | undefined
  connectTimeoutMs?: number | undefined
}

/** How `net.connect` may say which family it wants; 0 is either. */
const families: Record<string | number, number> = { 4: 4, 6: 6, IPv4: 4, IPv6: 6 }

/**
 * A lookup for `net.connect` that hands on only checked addresses. The socket connects to exactly what this returns,
 * so there is no second resolution in which the name could change its mind.
 */
export const guardedLookup =
  (allow: AllowList, resolve: Resolve): LookupFunction =>
  (hostname, options, callback) => {
    const wanted = families[options.family ?? 0]
    resolvePublicHost(hostname, allow, resolve).then(
      (addresses) => {
        const usable = addresses.filter(({ family }) => !wanted || family === wanted)
        const first = usable[0]
        if (!first) return callback(Object.assign(new Error('no address found'), { code: 'ENOTFOUND' }), '')
        if (options.all) callback(null, [...usable])
        else callback(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    )
  }

/**
 * A pool of connections that refuses internal names, private address literals (which need no lookup) and names that
 * resolve to anything private. Pass it to undici's `fetch` or `request` where a stream is needed; `guardedFetch` else.
 * A refusal surfaces as the cause of undici's error; `blockedBy` finds it.
 */
export const createGuardedDispatcher = (options: DispatcherOptions = {}): Dispatcher => {
  const allow = parseAllowList(options.allow)
  const connect = buildConnector({
    lookup: guardedLookup(allow, options.resolve ?? systemResolve),
    timeout: options.connectTimeoutMs ?? 10_000,
    allowH2: false,
  })
  return new Agent({
    connect: (target, callback) => {
      const reason = forbiddenHostReason(target.hostname, allow)
      if (reason !== undefined) return callback(urlBlocked(reason), null)
      connect({ ...target, hostname: normaliseHost(target.hostname) }, (...[error, socket]) =>
        error === null ? callback(null, withoutContinue(socket)) : callback(error, null),
      )
    },
  })
}
