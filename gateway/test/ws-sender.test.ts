/** What waits for a slow reader, over real sockets. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { socketLimits, type SocketLimits } from '../src/ws/limits.ts'
import { createSender, eventOpening } from '../src/ws/sender.ts'

const limits = { ...socketLimits, queueFrames: 16, queueBytes: 1_000_000 }

const pair = async (own: Partial<SocketLimits> = {}) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  client.on('error', () => undefined)
  const [socket, request] = (await once(server, 'connection')) as [WebSocket, IncomingMessage]
  await once(client, 'open')
  return {
    client,
    socket,
    sender: createSender(socket, request.socket, { ...limits, ...own }),
    stop: () => {
      client.terminate()
      socket.terminate()
      server.close()
    },
  }
}
/** Fills what the kernel takes for a reader that reads nothing, so that whatever follows waits. */
const stall = async ({ client, socket }: { client: WebSocket; socket: WebSocket }) => {
  client.pause()
  while (socket.bufferedAmount === 0) {
    socket.send('x'.repeat(200_000))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it('is never more than the limits, in frames and in bytes, however much is sent', async () => {
  for (const size of [10, 50_000]) {
    const ends = await pair()
    await stall(ends)
    const waiting = ends.socket.bufferedAmount
    const opening = eventOpening('agent', 'x'.repeat(size))
    for (let sent = 0; sent < 10_000; sent++) ends.sender.event(opening)
    expect(ends.sender.queued()).toBeGreaterThan(0)
    expect(ends.sender.queued()).toBeLessThanOrEqual(limits.queueFrames)
    expect(ends.socket.bufferedAmount).toBeLessThanOrEqual(waiting + limits.queueBytes + size + 100)
    ends.stop()
  }
})

it('takes answers after events were left out, four times as many, and then ends the connection', async () => {
  const ends = await pair()
  await stall(ends)
  for (let sent = 0; sent < 100; sent++) ends.sender.event(eventOpening('agent', 1))
  const events = ends.sender.queued()
  for (let sent = 0; sent < 4 * limits.queueFrames - events; sent++) ends.sender.answer('{}')
  expect(ends.sender.queued()).toBe(4 * limits.queueFrames)
  expect(ends.socket.readyState).toBe(WebSocket.OPEN)
  ends.sender.answer('{}')
  expect(ends.socket.readyState).toBe(WebSocket.CLOSING)
  for (let sent = 0; sent < 1_000; sent++) ends.sender.answer('{}')
  expect(ends.sender.queued()).toBe(4 * limits.queueFrames)
  ends.client.resume()
  const [code] = (await once(ends.client, 'close')) as [number]
  expect(code).toBe(1013)
  ends.stop()
})

it('counts events that were left out too', async () => {
  const ends = await pair()
  const got: { seq: number }[] = []
  ends.client.on('message', (data) => got.push(JSON.parse((data as Buffer).toString('utf8')) as { seq: number }))
  ends.sender.event(eventOpening('shutdown', undefined))
  ends.sender.event(eventOpening('agent', { a: 1 }))
  while (got.length < 2) await once(ends.client, 'message')
  expect(got).toEqual([
    { type: 'event', event: 'shutdown', seq: 1 },
    { type: 'event', event: 'agent', payload: { a: 1 }, seq: 2 },
  ])
  ends.stop()
})

it('cuts off who does not answer a close', async () => {
  const ends = await pair({ closeMs: 100 })
  ends.client.pause()
  ends.sender.close(4401, 'enough')
  await once(ends.socket, 'close')
  ends.stop()
})
