/** /livez, /readyz and /metrics. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Lifecycle } from './lifecycle.ts'
import { restarted, type Restarted } from './restarted.ts'

/** A loop that was blocked longer than this at a stretch is reported as not alive. */
const blockedMs = 20_000
/** Once restarted or recovered, an old stall must not kill the process for ever. */
const windowMs = 60_000
const lookEveryMs = 5_000

export const metricsRegistry = new Registry()
let collecting = false

/** What prom-client samples many times a second, which would wake an idle process for nothing. */
const sampled = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99']
const neverMs = 2 ** 31 - 1

const collectMetrics = (): void => {
  if (collecting) return
  collecting = true
  collectDefaultMetrics({ register: metricsRegistry, eventLoopMonitoringPrecision: neverMs })
  for (const kind of sampled) metricsRegistry.removeSingleMetric(`nodejs_eventloop_lag_${kind}_seconds`)
  let seen = performance.eventLoopUtilization()
  new Gauge({
    name: 'nodejs_eventloop_utilization',
    help: 'Share of the time since the last scrape in which the event loop was busy',
    registers: [metricsRegistry],
    collect() {
      const now = performance.eventLoopUtilization()
      this.set(performance.eventLoopUtilization(now, seen).utilization)
      seen = now
    },
  })
}

/** Watches how late a slow timer is. Gives the longest stall of the last minute or so, in milliseconds. */
const watchStalls = (): (() => number) => {
  let dueMs = performance.now() + lookEveryMs
  let longest = { ms: 0, atMs: 0 }
  setInterval(() => {
    const nowMs = performance.now()
    const lateMs = Math.max(0, Math.round(nowMs - dueMs))
    dueMs = nowMs + lookEveryMs
    if (lateMs >= longest.ms || nowMs - longest.atMs > windowMs) longest = { ms: lateMs, atMs: nowMs }
  }, lookEveryMs).unref()
  return () => longest.ms
}

/** Answers the probes; false for any other path. */
export const createProbes = (
  { unready, away }: Pick<Lifecycle, 'unready' | 'away'>,
  { count, lastExit }: Restarted = restarted,
) => {
  collectMetrics()
  const longestStallMs = watchStalls()

  const json = (response: ServerResponse, status: number, body: object) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

  const answers: Record<string, (response: ServerResponse) => void> = {
    '/livez': (response) => {
      const longestMs = longestStallMs()
      const alive = longestMs < blockedMs
      json(response, alive ? 200 : 503, {
        status: alive ? 'ok' : 'event loop was blocked',
        eventLoopMaxDelayMs: longestMs,
        ...(count === 0 ? {} : { restarts: count, lastExit }),
      })
    },
    '/readyz': (response) => {
      unready().then(
        (parts) =>
          json(response, parts.length === 0 ? 200 : 503, {
            status: parts.length === 0 ? 'ok' : 'not ready',
            waitingFor: parts,
            goesWithout: away(),
          }),
        () => json(response, 503, { status: 'not ready', waitingFor: ['unknown'] }),
      )
    },
    '/metrics': (response) => {
      metricsRegistry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': metricsRegistry.contentType }).end(text),
        () => response.writeHead(500).end(),
      )
    },
  }

  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const answer = answers[request.url?.split('?')[0] ?? '']
    if (answer === undefined) return false
    answer(response)
    return true
  }
}
