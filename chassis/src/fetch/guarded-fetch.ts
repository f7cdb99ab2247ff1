/** The one way out: every request made on a user's behalf goes through here. */
import { MeshError } from '@clawmesh/contracts'
import { fetch, type Dispatcher, type Response } from 'undici'
import { allowEntries, checkPublicUrl, urlBlocked, type Resolve, type UrlRules } from './check-url.ts'
import { createGuardedDispatcher } from './guarded-dispatcher.ts'
import { redirectOf, type Hop } from './redirect.ts'

export interface GuardedFetchOptions extends UrlRules {
  method?: string | undefined
  headers?: Record<string, string> | undefined
  body?: string | Uint8Array<ArrayBuffer> | undefined
  signal?: AbortSignal | undefined
  /** For the whole exchange, redirects and body included. Default 30 s. */
  timeoutMs?: number | undefined
  /** Decoded bytes after which the body is cut. Default 8 MiB. */
  maxBytes?: number | undefined
  maxRedirects?: number | undefined
  /** Default true; else a redirect is an answer like any other. */
  followRedirects?: boolean | undefined
  /** Instead of the system's resolver. */
  resolve?: Resolve | undefined
}

export interface GuardedResponse {
  status: number
  /** Names in lower case. */
  headers: Record<string, string>
  /** Where the answer came from, after redirects. */
  url: string
  body: Uint8Array<ArrayBuffer>
  /** Whether the body was longer than `maxBytes`. */
  truncated: boolean
}

/** Connections are shared between calls with the same exceptions; there are as many lists as the operator wrote. */
const dispatchers = new Map<string, Dispatcher>()
const keptDispatchers = 32

const sharedDispatcher = (allow: readonly string[]): Dispatcher => {
  const key = allow.join(' ')
  const found = dispatchers.get(key)
  if (found) return found
  if (dispatchers.size >= keptDispatchers) {
    const [oldest, dispatcher] = dispatchers.entries().next().value!
    dispatchers.delete(oldest)
    void dispatcher.close()
  }
  const made = createGuardedDispatcher({ allow })
  dispatchers.set(key, made)
  return made
}

/** Ends the shared connections; for shutdown and tests. */
export const closeGuardedFetch = async (): Promise<void> => {
  const open = [...dispatchers.values()]
  dispatchers.clear()
  await Promise.all(open.map((dispatcher) => dispatcher.destroy()))
}

/** The refusal of the guard inside an error that undici threw, if there is one. */
export const blockedBy = (thrown: unknown): MeshError | undefined => {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++) {
    if (error instanceof MeshError) return error
  }
  return undefined
}

const readLimited = async (
  response: Response,
  maxBytes: number,
): Promise<Pick<GuardedResponse, 'body' | 'truncated'>> => {
  const chunks: Uint8Array[] = []
  let size = 0
  // Typed by hand: undici's stream yields any.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    const left = maxBytes - size
    chunks.push(chunk.subarray(0, left))
    size += Math.min(chunk.length, left)
    // Leaving the loop cancels the stream, and with it the transfer.
    if (chunk.length > left) return { body: new Uint8Array(Buffer.concat(chunks)), truncated: true }
  }
  return { body: new Uint8Array(Buffer.concat(chunks)), truncated: false }
}

/**
 * Sends a request to a public http or https address and reads the answer up to a limit.
 *
 * Each hop is checked twice: by its spelling before it is sent, and by the address that its socket connects to.
 * Redirects (3 unless said) keep only harmless headers such as `accept` when the origin changes.
 *
 * @throws INVALID_REQUEST error.url_blocked when the guard refuses; AGENT_TIMEOUT; CANCELLED when `signal` fires;
 *   UNAVAILABLE when the other side cannot be reached or breaks off. A status such as 404 is an answer, not an error.
 */
export const guardedFetch = async (
  input: string | URL,
  options: GuardedFetchOptions = {},
): Promise<GuardedResponse> => {
  const { maxBytes = 8 * 1024 * 1024, maxRedirects = 3, followRedirects = true, timeoutMs = 30_000, resolve } = options
  const allow = allowEntries(options)
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
  const own = resolve ? createGuardedDispatcher({ allow, resolve }) : undefined
  const dispatcher = own ?? sharedDispatcher(allow)

  let hop: Hop = {
    url: checkPublicUrl(input, options),
    method: options.method ?? 'GET',
    headers: options.headers ?? {},
    body: options.body,
  }
  try {
    for (let redirects = 0; ; redirects++) {
      const { url, method, headers, body } = hop
      const response = await fetch(url, { method, headers, body: body ?? null, redirect: 'manual', signal, dispatcher })
      const next = followRedirects ? redirectOf(hop, response) : undefined
      if (!next) {
        const answer = { status: response.status, headers: Object.fromEntries(response.headers), url: url.href }
        return { ...answer, ...(await readLimited(response, maxBytes)) }
      }
      await response.body?.cancel()
      if (redirects >= maxRedirects) throw urlBlocked('too many redirects')
      hop = { ...next, url: checkPublicUrl(next.url, options) }
    }
  } catch (thrown) {
    throw asMeshError(thrown, options.signal, timeout, hop.url.host)
  } finally {
    void own?.destroy()
  }
}

const asMeshError = (
  thrown: unknown,
  caller: AbortSignal | undefined,
  timeout: AbortSignal,
  what: string,
): MeshError => {
  const blocked = blockedBy(thrown)
  if (blocked) return blocked
  if (caller?.aborted) return new MeshError('CANCELLED', 'error.cancelled', {}, { cause: thrown })
  if (timeout.aborted) return new MeshError('AGENT_TIMEOUT', 'error.timeout', { what }, { cause: thrown })
  return new MeshError('UNAVAILABLE', 'error.unavailable', { what }, { cause: thrown })
}
