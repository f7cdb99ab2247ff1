/**
 * What the hop from the edge to a service costs, over HTTP and over a link. Client, edge and service are in this process, and
 * what is the same either way is counted too.
 */
import { createIdentityTokens, createLogger, listen, nodeHandler, type HttpExchange } from '@clawmesh/chassis'
import { startRpcServer } from '@clawmesh/chassis/grpc-server'
import { Pool } from 'undici'
import { bareMesh, meshSecret } from '../../gateway/test/support/bare-mesh.ts'
import { bearer } from '../../gateway/test/support/call.ts'
import { atATime, compare } from './cpu.ts'
import { gatewayToken, startGateway } from '../../gateway/test/support/gateway.ts'

const chunks = 50
const transports = ['http', 'link'] as const
const question = JSON.stringify({
  model: 'goclaw:bench',
  messages: [{ role: 'user', content: 'Fifty words, please.' }],
})
const answer = JSON.stringify({ content: 'word '.repeat(100) })

const tokens = createIdentityTokens(meshSecret)
const log = createLogger({ level: 'silent', name: 'bench' })

const whole: HttpExchange = async ({ body, caller }) => {
  await Promise.all([body(1_000_000), caller()])
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) }
  return { kind: 'whole', status: 200, headers, body: answer, isError: false }
}
const stream: HttpExchange = async ({ body, caller }) => {
  await Promise.all([body(1_000_000), caller()])
  return {
    kind: 'stream',
    write: async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let at = 0; at < chunks; at++) {
        response.write(`data: ${answer.slice(0, 200)}\n\n`)
        if (at % 5 === 4) await new Promise(setImmediate)
      }
      response.end()
      return undefined
    },
  }
}
const exchange: HttpExchange = (incoming) =>
  incoming.headers.accept === 'text/event-stream' ? stream(incoming) : whole(incoming)

type Stop = () => unknown
type Ask = (accept: string) => Promise<void>

/** An edge before a service; gives a way to ask it. */
const start = async (transport: (typeof transports)[number], undo: Stop[]): Promise<Ask> => {
  const web = await listen(nodeHandler(tokens, exchange), '127.0.0.1', 0)
  const rpc = await startRpcServer({
    host: '127.0.0.1',
    port: 0,
    services: [],
    http: new Map([['agents', exchange]]),
    tokens,
    log,
    maxConnectionAgeMs: 3_600_000,
  })
  const mesh = bareMesh({
    CLAWMESH_EDGE_TRANSPORT: transport,
    CLAWMESH_AGENTS_HTTP_URL: `http://127.0.0.1:${web.port}`,
    CLAWMESH_AGENTS_GRPC_URL: `127.0.0.1:${rpc.port}`,
  })
  const gateway = await startGateway(mesh, { CLAWMESH_RATE_LIMIT_RPM: '0' })
  const pool = new Pool(`http://127.0.0.1:${gateway.port}`, { connections: Math.max(...atATime) })
  undo.push(
    () => web.drain(0),
    () => rpc.drain(0),
    mesh.close,
    gateway.stop,
    () => pool.close(),
  )
  return async (accept) => {
    const { statusCode, body } = await pool.request({
      path: '/v1/chat/completions',
      method: 'POST',
      headers: { ...bearer(gatewayToken), accept, 'content-type': 'application/json' },
      body: question,
    })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`the edge answered ${statusCode}: ${text}`)
  }
}

/** Prints what requests cost over both, in turn. */
export const hopBench = async (rounds: number, durationMs: number): Promise<void> => {
  const undo: Stop[] = []
  try {
    const asks = new Map<string, Ask>()
    for (const transport of transports) asks.set(transport, await start(transport, undo))
    console.log(`\nfrom the edge to a service, client included; best of ${rounds}`)
    for (const [name, accept] of [
      ['whole', 'application/json'],
      [`stream of ${chunks}`, 'text/event-stream'],
    ] as const)
      await compare(name, new Map([...asks].map(([transport, ask]) => [transport, () => ask(accept)])), {
        rounds,
        durationMs,
      })
  } finally {
    for (const step of undo.reverse()) await step()
  }
}
