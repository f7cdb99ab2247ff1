/** How the edge lets go of a replica that says good-bye. */
import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { leavingHeader } from '@clawmesh/chassis'
import { createProxy, type Proxy } from '../../gateway/src/proxy/proxy.ts'
import { eventually } from '../support/eventually.ts'

interface Replica {
  url: URL
  sockets: Set<Socket>
  served: number
  leaving: boolean
  close: () => Promise<void>
}

const startReplica = async (): Promise<Replica> => {
  const server = createServer((_incoming, response) => {
    replica.served++
    if (replica.leaving) response.setHeader('connection', 'close').setHeader(leavingHeader, 'true')
    // Long enough for requests at once to need a connection each.
    setTimeout(() => response.end('ok'), 20)
  })
  server.on('connection', (socket: Socket) => {
    replica.sockets.add(socket)
    socket.on('close', () => replica.sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const replica: Replica = {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    sockets: new Set(),
    served: 0,
    leaving: false,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return replica
}

let replicas: Replica[]
let proxy: Proxy
let edge: Server
let clients: Agent

beforeEach(async () => {
  replicas = [await startReplica(), await startReplica()]
  proxy = createProxy(replicas.map(({ url }) => url))
  edge = createServer((incoming, response) =>
    proxy.forward(incoming, response, { identity: '', fail: () => void response.writeHead(503).end() }),
  ).listen(0, '127.0.0.1')
  await once(edge, 'listening')
  clients = new Agent({ keepAlive: true })
})
afterEach(async () => {
  clients.destroy()
  proxy.close()
  edge.closeAllConnections()
  edge.close()
  await Promise.all([once(edge, 'close'), ...replicas.map(({ close }) => close())])
})

const post = async (): Promise<{ status: number | undefined; headers: Record<string, unknown> }> => {
  const outgoing = request({ port: (edge.address() as AddressInfo).port, method: 'POST', agent: clients }).end('{}')
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  return { status: response.statusCode, headers: response.headers }
}
const atOnce = (count: number) => Promise.all(Array.from({ length: count }, post))

test('one word of a leaving replica, and the edge drops its idle connections and sends all further requests elsewhere', async () => {
  await atOnce(20)
  const [leaver, stayer] = replicas as [Replica, Replica]
  // How many there are depends on how fast the machine answers.
  expect(leaver.sockets.size).toBeGreaterThan(0)

  leaver.leaving = true
  const before = leaver.served
  while (leaver.served === before) expect((await post()).status).toBe(200)
  await eventually('the end of its connections', async () => leaver.sockets.size === 0)

  const [reported, others] = [leaver.served, stayer.served]
  const answers = await atOnce(20)
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
  expect(leaver.served).toBe(reported)
  expect(stayer.served).toBe(others + 20)
})

test('a replica that leaves is still asked while it is the only one', async () => {
  replicas.forEach((replica) => (replica.leaving = true))
  for (let i = 0; i < 10; i++) expect((await post()).status).toBe(200)
})

test('clients do not hear of it', async () => {
  replicas.forEach((replica) => (replica.leaving = true))
  const { headers } = await post()
  expect(headers[leavingHeader]).toBeUndefined()
  expect(headers['connection']).toBe('keep-alive')
})
