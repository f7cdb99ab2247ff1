/** Closed-loop load: so many requests at a time, for so long, each timed. */
import { Pool } from 'undici'

export interface LoadTarget {
  origin: string
  path: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  /** Headers that change from request to request, by its number. */
  headersOf?: (request: number) => Record<string, string>
  body?: string
}

/** When a load ends: after so many milliseconds, or when so many requests have been made. */
export type LoadEnd = { afterMs: number } | { afterRequests: number }

export interface LoadResult {
  requests: number
  perSecond: number
  p50Ms: number
  p99Ms: number
  /** Until the first byte of the body. */
  firstByteP50Ms: number
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

/** @throws Error for any answer but 200 */
const once = async (
  pool: Pool,
  { path, method, headers, headersOf, body }: LoadTarget,
  request: number,
): Promise<{ ms: number; firstMs: number }> => {
  const startedAt = performance.now()
  const answer = await pool.request({
    path,
    method,
    headers: headersOf === undefined ? headers : { ...headers, ...headersOf(request) },
    ...(body === undefined ? {} : { body }),
  })
  let firstMs: number | undefined
  let text = ''
  for await (const part of answer.body) {
    firstMs ??= performance.now() - startedAt
    if (answer.statusCode !== 200) text += String(part)
  }
  if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}: ${text.slice(0, 300)}`)
  const ms = performance.now() - startedAt
  return { ms, firstMs: firstMs ?? ms }
}

/** Loads a target from `concurrency` connections. */
export const load = async (target: LoadTarget, concurrency: number, end: LoadEnd): Promise<LoadResult> => {
  const pool = new Pool(target.origin, { connections: concurrency, pipelining: 1, keepAliveTimeout: 60_000 })
  const times: number[] = []
  const firsts: number[] = []
  const startedAt = performance.now()
  let begun = 0
  const goesOn = () => ('afterMs' in end ? performance.now() < startedAt + end.afterMs : begun < end.afterRequests)
  const worker = async () => {
    while (goesOn()) {
      const { ms, firstMs } = await once(pool, target, begun++)
      times.push(ms)
      firsts.push(firstMs)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  const seconds = (performance.now() - startedAt) / 1000
  await pool.close()
  times.sort((a, b) => a - b)
  firsts.sort((a, b) => a - b)
  return {
    requests: times.length,
    perSecond: times.length / seconds,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    firstByteP50Ms: percentile(firsts, 0.5),
  }
}
