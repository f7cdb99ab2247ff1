/** A receiver of webhooks: a real HTTP server that keeps what it gets as it came, and misbehaves on demand. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'
import { keptConnections } from '../support/limits.ts'

interface ReceivedWebhook {
  path: string
  headers: Record<string, string>
  /** As it came: signatures are over the bytes. */
  body: string
}

interface Reply {
  status?: number
  headers?: Record<string, string>
  body?: string
  fault?: keyof typeof faults
}

const faults = {
  /** Takes the request and never answers. */
  silence: () => undefined,
  reset: (response: ServerResponse) => response.socket?.resetAndDestroy(),
  /** Bytes that are no HTTP. */
  garbage: (response: ServerResponse) => response.socket?.end('\u0000\u0001 this is no answer\r\n\r\n'),
  /** An answer without an end. */
  endless: (response: ServerResponse) => {
    response.writeHead(500)
    const timer = setInterval(() => response.write('x'.repeat(1_000)), 1)
    response.on('close', () => clearInterval(timer))
  },
}

export interface FakeWebhookReceiver {
  /** `http://127.0.0.1:port`. */
  origin: string
  received: ReceivedWebhook[]
  /** How the next requests are answered; 204 unless said. */
  rule: (request: ReceivedWebhook) => Reply | undefined
  /** Connections that wait for an answer. */
  readonly open: number
  /** What came to a path. */
  at: (path: string) => ReceivedWebhook[]
  close: () => Promise<void>
}

/** The event of a request, as a receiver that follows the documentation reads it. @throws Error for a wrong signature */
export const verified = (secret: string, { headers, body }: ReceivedWebhook) =>
  new Webhook(secret).verify(body, headers) as { id: string; type: string; data: unknown; tenantid: string }

export const fakeWebhookReceiver = async (): Promise<FakeWebhookReceiver> => {
  let open = 0
  const server = createServer(keptConnections, (request, response) => {
    open += 1
    response.on('close', () => (open -= 1))
    void text(request).then((body) => {
      const got = { path: request.url!, headers: request.headers as Record<string, string>, body }
      fake.received.push(got)
      const { status = 204, headers = {}, body: said = '', fault } = fake.rule(got) ?? {}
      if (fault !== undefined) faults[fault](response)
      else response.writeHead(status, headers).end(said)
    })
  })
  const fake: FakeWebhookReceiver = {
    origin: '',
    received: [],
    rule: () => undefined,
    get open() {
      return open
    },
    at: (path) => fake.received.filter((request) => request.path === path),
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  fake.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return fake
}
