/** A bare connection that reaches public addresses alone, for protocols that are not ours to read: a browser's own. */
import { connect, type Socket } from 'node:net'
import { MeshError } from '@clawmesh/contracts'
import { normaliseHost, parseAllowList } from './address-guard.ts'
import { allowEntries, checkPublicUrl, systemResolve, urlBlocked, type Resolve, type UrlRules } from './check-url.ts'
import { guardedLookup } from './guarded-dispatcher.ts'

interface GuardedConnectOptions extends UrlRules {
  /** Instead of the system's resolver. */
  resolve?: Resolve | undefined
  /** Default 10 s. */
  timeoutMs?: number | undefined
}

/**
 * Connects to `host:port` as a CONNECT request names it (RFC 9110, section 9.3.6; IPv6 in brackets). The address that was
 * checked is the one that is connected to.
 * @throws INVALID_REQUEST error.url_blocked when the guard refuses; UNAVAILABLE when nobody answers there
 */
export const guardedConnect = async (
  authority: string,
  { resolve = systemResolve, timeoutMs = 10_000, ...rules }: GuardedConnectOptions = {},
): Promise<Socket> => {
  const [, host = '', digits = ''] = /^(.{1,260}):(\d{1,5})$/.exec(authority) ?? []
  const port = Number(digits)
  if (host === '' || port < 1 || port > 65_535) throw urlBlocked('not a URL')
  const { hostname } = checkPublicUrl(`http://${host}/`, rules)
  const allow = parseAllowList(allowEntries(rules))
  const socket = connect({ host: normaliseHost(hostname), port, lookup: guardedLookup(allow, resolve) })
  const { promise, resolve: done, reject } = Promise.withResolvers<Socket>()
  const late = setTimeout(() => socket.destroy(new Error('no connection in time')), timeoutMs)
  const fail = (thrown: unknown) =>
    reject(
      thrown instanceof MeshError
        ? thrown
        : new MeshError('UNAVAILABLE', 'error.unavailable', { what: authority }, { cause: thrown }),
    )
  socket.once('error', fail)
  socket.once('connect', () => {
    socket.off('error', fail)
    done(socket)
  })
  return promise.finally(() => clearTimeout(late))
}
