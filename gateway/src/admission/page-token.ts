/** The credential that a page of clawgo's console brings by itself: in a cookie, or in its own address. */
import type { IncomingMessage } from 'node:http'
import type { Route } from '@clawmesh/contracts'
import { takeQueryToken } from '../edge/query-token.ts'

const cookieName = 'clawgo_webui_token'
const safeMethods: readonly string[] = ['GET', 'HEAD']

/** A header carries one character for each byte. */
const asHeader = (token: string): string => Buffer.from(token).toString('latin1')

const cookieToken = (cookies = ''): string => {
  const pair = cookies.split(';').find((each) => each.trim().startsWith(`${cookieName}=`))
  const value = pair?.slice(pair.indexOf('=') + 1).trim() ?? ''
  try {
    return asHeader(decodeURIComponent(value))
  } catch {
    return ''
  }
}

const urlOf = (text: string | undefined): URL | undefined =>
  text !== undefined && URL.canParse(text) ? new URL(text) : undefined

/** Whether the page that asks is of this server. A page of another one could use a cookie without being able to read it. */
const isOwnPage = (
  { headers, method = '' }: IncomingMessage,
  isAllowedOrigin: (origin: string) => boolean,
): boolean => {
  const { origin, referer, host } = headers
  const address = origin ?? referer
  if (address === undefined) return headers.upgrade === undefined && safeMethods.includes(method)
  const page = urlOf(address)
  return page !== undefined && (page.host === host || isAllowedOrigin(page.origin))
}

const pageToken = (request: IncomingMessage, isAllowedOrigin: (origin: string) => boolean): string => {
  if (!isOwnPage(request, isAllowedOrigin)) return ''
  const { cookie, referer } = request.headers
  return cookieToken(cookie) || asHeader(urlOf(referer)?.searchParams.get('token') ?? '')
}

/**
 * The credential of a request that has no `Authorization` header, as that would carry it, where its route takes one
 * elsewhere: in the address, else from the page that asks. Empty where there is none.
 */
export const tokenBesideHeader = (
  request: IncomingMessage,
  route: Route,
  isAllowedOrigin: (origin: string) => boolean,
): string => {
  const inQuery = takeQueryToken(request, route)
  if (inQuery !== '' || route.definition.dialect !== 'clawgo' || request.headers.authorization !== undefined)
    return inQuery
  return pageToken(request, isAllowedOrigin)
}
