/** What a redirect asks for next, by the rules of the Fetch standard. */

export interface Hop {
  url: URL
  method: string
  headers: Record<string, string>
  body: string | Uint8Array<ArrayBuffer> | undefined
}

const redirectStatuses = new Set([301, 302, 303, 307, 308])
const bodyHeaders = ['content-type', 'content-length', 'content-encoding', 'content-language']
/** All that another origin gets to see: any other may carry a secret, as `authorization` and `x-goog-api-key` do. */
const harmlessHeaders = ['accept', 'accept-encoding', 'accept-language', 'user-agent', ...bodyHeaders]

const filtered = (headers: Record<string, string>, keep: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => keep(name.toLowerCase())))

const losesBody = (status: number, method: string): boolean =>
  (status === 303 && method !== 'HEAD') || ((status === 301 || status === 302) && method === 'POST')

/** A header is read as Latin-1; servers that write UTF-8 into it are understood as browsers do. */
const asUtf8 = (header: string): string => {
  if (!/[\x80-\xff]/.test(header)) return header
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(header, 'latin1'))
  } catch {
    return header
  }
}

/** The next request when a response is a redirect with a place to go; the caller has yet to check that place. */
export const redirectOf = (
  hop: Hop,
  response: { status: number; headers: { get(name: string): string | null } },
): (Omit<Hop, 'url'> & { url: string }) | undefined => {
  const header = response.headers.get('location')
  if (!redirectStatuses.has(response.status) || header === null) return undefined
  const location = asUtf8(header)
  const target = URL.parse(location, hop.url.href)
  const sameOrigin = target?.origin === hop.url.origin
  const headers = sameOrigin ? hop.headers : filtered(hop.headers, (name) => harmlessHeaders.includes(name))
  const url = target?.href ?? location
  return losesBody(response.status, hop.method.toUpperCase())
    ? { url, method: 'GET', headers: filtered(headers, (name) => !bodyHeaders.includes(name)), body: undefined }
    : { url, method: hop.method, headers, body: hop.body }
}
