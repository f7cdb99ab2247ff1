/** The credential in an address, for what a browser loads by itself and can set no header for: images, downloads. */
import type { IncomingMessage } from 'node:http'
import type { Route } from '@clawmesh/contracts'

const name = 'token'

/**
 * Takes `?token=` out of the address of a request, so that nobody further on sees or logs it, and returns it, as a
 * header would carry it. Empty when the route takes none, an `Authorization` header is there too, or it is not given
 * exactly once. An address of another route stays as it is.
 */
export const takeQueryToken = (request: IncomingMessage, { definition }: Route): string => {
  const { url = '', headers } = request
  const [path = '', ...rest] = url.split('?')
  if (definition.queryToken !== true || rest.length === 0) return ''
  const tokens: string[] = []
  const kept = rest
    .join('?')
    .split('&')
    .filter((pair) => {
      const token = new URLSearchParams(pair).get(name)
      if (token !== null) tokens.push(token)
      return token === null
    })
  if (tokens.length === 0) return ''
  request.url = kept.length === 0 ? path : `${path}?${kept.join('&')}`
  return headers.authorization === undefined && tokens.length === 1 ? Buffer.from(tokens[0]!).toString('latin1') : ''
}
