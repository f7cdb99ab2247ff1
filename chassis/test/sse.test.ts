import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { eventStream } from '../src/index.ts'

let answer: (response: ServerResponse) => Promise<void>
let ended: Promise<void>
const server = createServer((_request, response) => {
  ended = answer(response)
})
let port: number
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

const open = (): { socket: Socket; text: () => string; closed: Promise<void> } => {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  return { socket, text: () => Buffer.concat(chunks).toString(), closed }
}

it('sends headers at once and every frame as a data line', async () => {
  const { promise: headersSeen, resolve: goOn } = Promise.withResolvers<void>()
  answer = async (response) => {
    const events = eventStream(response)
    await headersSeen
    for (const data of ['{"a":1}', '[DONE]']) await events.send(data)
    events.end()
  }
  const { text, closed } = open()
  while (!text().includes('\r\n\r\n')) await pause(1)
  expect(text()).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-type: text\/event-stream\r\ncache-control: no-cache\r\n/)
  goOn()
  await closed
  expect(text()).toContain('data: {"a":1}\n\n')
  expect(text()).toContain('data: [DONE]\n\n')
})

it('waits for a slow reader, and leaves nothing behind on the response for each time it did', async () => {
  let waited = 0
  let listeners = Infinity
  answer = async (response) => {
    const events = eventStream(response)
    for (let at = 0; at < 50; at++) {
      await events.send('x'.repeat(500_000))
      if (response.writableNeedDrain) waited++
    }
    listeners = Math.max(...['close', 'drain', 'error'].map((event) => response.listenerCount(event)))
    events.end()
  }
  const { socket, closed } = open()
  socket.pause()
  await pause(100)
  expect(listeners).toBe(Infinity)
  socket.resume()
  await closed
  expect(listeners).toBeLessThan(10)
  expect(waited).toBe(0)
})

it('stops waiting for a reader that has gone, and sends nothing more', async () => {
  let sent = 0
  answer = async (response) => {
    const events = eventStream(response)
    for (; sent < 50 && !response.destroyed; sent++) await events.send('x'.repeat(1_000_000))
    await events.send('to nobody')
    events.end()
  }
  const { socket } = open()
  socket.pause()
  await pause(50)
  socket.destroy()
  await ended
  expect(sent).toBeLessThan(50)
})
