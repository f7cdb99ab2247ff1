/** What goes through a release while it is changed: a little of everything, or a counted load of chats. */
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { lastUserText, type Script } from '../fakes/http-fake.ts'
import { startLoad, type LoadReport } from '../support/mesh-load.ts'
import { eventually } from '../support/eventually.ts'
import type { Installed } from './release.ts'
import { holdSockets, type SocketReport } from './sockets.ts'

/** Every service by HTTP; the edge asks channels by gRPC. */
const paths = [
  '/health',
  '/api/version',
  '/v1/tenants',
  '/v1/agents',
  '/v1/providers',
  '/v1/agents/default/memory/documents',
  '/v1/tools/builtin',
  '/v1/channels/instances',
  '/v1/packages/runtimes',
  '/v1/traces',
]
/** Of services that no other calls all the time, as what they say is remembered: methods come from the edge by gRPC. */
const methods = ['agents.list', 'usage.caps.list', 'tenants.mine']
const pauseMs = 250
/** So many that each method comes several times while a new pod is waited for: a call goes to it by chance. */
const callers = 6

/** A request on a connection of its own, so that a new edge gets its share. */
const ask = (installed: Installed, path: string, body?: object): Promise<void> =>
  new Promise((resolve) => {
    const { headers } = installed.api()
    const outgoing = request(
      installed.url + path,
      {
        method: body === undefined ? 'GET' : 'POST',
        agent: false,
        headers: { ...headers, 'content-type': 'application/json' },
      },
      (response) => response.resume().once('close', () => resolve()),
    )
    outgoing.once('error', () => resolve())
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })

/** A turn that searches memory with a tool: agents call providers and tools, and tools memory. */
const turn = { model: 'goclaw:default', messages: [{ role: 'user', content: 'search' }] }
const searches = ({ body }: { body: Record<string, unknown> }): Script | undefined => {
  const messages = body['messages'] as { role: string }[]
  if (lastUserText(body) !== 'search') return undefined
  return messages.at(-1)?.role === 'tool'
    ? { text: 'found' }
    : { toolCalls: [{ name: 'memory_search', arguments: '{"query":"release"}' }] }
}

/** Goes on asking for everything until it is stopped; `stop` gives the account of what was asked over WebSockets. */
export const startTraffic = (installed: Installed): { stop: () => Promise<SocketReport> } => {
  let stopped = false
  installed.upstream.rule = searches
  const held = holdSockets(installed, callers, methods)
  // Each for itself: a slow one holds up no other.
  const goOn = async (path: string, body?: object): Promise<void> => {
    while (!stopped) {
      await ask(installed, path, body)
      await sleep(pauseMs)
    }
  }
  const going = [...paths.map((path) => goOn(path)), goOn('/v1/chat/completions', turn)]
  return {
    stop: async () => {
      stopped = true
      const [report] = await Promise.all([held.stop(), ...going])
      installed.upstream.rule = () => undefined
      return report
    },
  }
}

/** Of the load and of its WebSockets: a busy machine wants fewer. */
export const workers = Number(process.env['CLAWMESH_CLUSTER_WORKERS'] ?? 12)
const sockets = Number(process.env['CLAWMESH_CLUSTER_SOCKETS'] ?? 50)
const answersBefore = 50
const loadAfterMs = 5_000

/** Streams that take a moment beside answers that come at once. */
const script = (n: number): Script => (n % 10 === 1 ? { chunks: 5, chunkDelayMs: 400 } : { chunks: 5 })

/** What became of everything that was asked, and over how long. */
export interface Endured extends LoadReport {
  sockets: SocketReport
  seconds: number
}

/** Does something to the release under load, with WebSockets open; resolves with what became of every request. */
export const underLoad = async (
  installed: Installed,
  work: () => Promise<unknown>,
  heldSockets = sockets,
): Promise<Endured> => {
  const { upstream, url } = installed
  const headers = installed.api('alice').headers
  const load = startLoad({ edges: [url], workersPerEdge: workers, headers, upstream, script })
  const held = holdSockets(installed, heldSockets)
  let ended: SocketReport
  let startedAt: number
  try {
    await eventually('load', async () => load.report().answered >= answersBefore)
    load.mark()
    startedAt = performance.now()
    await work()
    await sleep(loadAfterMs)
  } finally {
    ended = await held.stop()
    await load.stop()
  }
  return { ...load.report(), sockets: ended, seconds: (performance.now() - startedAt) / 1_000 }
}

/** That every request was answered whole. */
export const expectNothingLost = (report: Endured): void => {
  expect(report.failed).toEqual([])
  expect(report.sockets.lost).toEqual([])
  expect(report).toMatchObject({ endedWithError: 0, refused: 0, unaccepted: 0 })
  expect(report.answeredAfterMark).toBeGreaterThan(0)
  const { answered, resumed } = report.sockets
  const rate = (report.answeredAfterMark / report.seconds).toFixed(1)
  process.stdout.write(
    `${expect.getState().currentTestName}: ${report.answeredAfterMark} answers in ${report.seconds.toFixed(0)} s (${rate}/s), ` +
      `${answered} over WebSockets, ${resumed} of them resumed; none lost\n`,
  )
}
