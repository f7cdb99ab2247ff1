/** An OpenTelemetry collector: takes OTLP over HTTP in protobuf, and holds each span against the conventions. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { keptConnections } from '../support/limits.ts'
import { decode, request as requestMessage, span as spanMessage } from '../../services/traces/src/otlp/protobuf.ts'
import { violationsOf, type WireSpan } from './gen-ai-conventions.ts'

interface Batch {
  resourceSpans: { scopeSpans: { spans: Uint8Array[] }[] }[]
}

export interface FakeOtlpReceiver {
  /** `http://127.0.0.1:port`, the URL before `/v1/traces`. */
  endpoint: string
  headers: Record<string, unknown>[]
  spans: WireSpan[]
  violations: string[]
  /** Statuses of the next answers; 200 when there are none left. */
  statuses: number[]
  close: () => Promise<void>
}

export const fakeOtlpReceiver = async (): Promise<FakeOtlpReceiver> => {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request)
    fake.headers.push(request.headers)
    const status = request.url === '/v1/traces' ? (fake.statuses.shift() ?? 200) : 404
    if (status === 200) {
      const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
      const limits = { depth: 20, values: 100_000 }
      const { resourceSpans } = decode(requestMessage, plain, limits) as unknown as Batch
      const spans = resourceSpans
        .flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
        .map((bytes) => decode(spanMessage, bytes, limits) as unknown as WireSpan)
      fake.violations.push(...spans.flatMap(violationsOf))
      fake.spans.push(...spans)
    }
    response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end()
  }
  const server = createServer(keptConnections, (request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const fake: FakeOtlpReceiver = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    headers: [],
    spans: [],
    violations: [],
    statuses: [],
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  return fake
}
