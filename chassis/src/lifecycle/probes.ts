/** /livez, /readyz and /metrics. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Lifecycle } from './lifecycle.ts'

/** A loop that was blocked longer than this at a stretch is reported as not alive. */
const blockedMs = 20_000
const windowMs = 60_000

export const metricsRegistry = new Registry()
let collecting = false

/** Answers the probes; false for any other path. */
export const createProbes = ({ unready, away }: Pick<Lifecycle, 'unready' | 'away'>) => {
  if (!collecting) collectDefaultMetrics({ register: metricsRegistry, eventLoopMonitoringPrecision: 20 })
  collecting = true
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  // Once restarted or recovered, an old stall must not kill the process for ever.
  setInterval(() => delay.reset(), windowMs).unref()

  const json = (response: ServerResponse, status: number, body: object) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

  const answers: Record<string, (response: ServerResponse) => void> = {
    '/livez': (response) => {
      const longestMs = Math.round(delay.max / 1e6)
      const alive = longestMs < blockedMs
      json(response, alive ? 200 : 503, {
        status: alive ? 'ok' : 'event loop was blocked',
        eventLoopMaxDelayMs: longestMs,
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
