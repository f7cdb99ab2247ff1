import { startTelemetry, type Telemetry } from '@clawmesh/chassis'
import { bareMesh } from './support/bare-mesh.ts'
import { bearer, call } from './support/call.ts'
import { gatewayToken, startGateway } from './support/gateway.ts'

interface EndedSpan {
  name: string
  attributes: Record<string, unknown>
  spanContext: () => { traceId: string; spanId: string }
}

const ended: EndedSpan[] = []
let telemetry: Telemetry

beforeAll(async () => {
  const keep = {
    onStart: () => undefined,
    onEnd: (span: EndedSpan) => void ended.push(span),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  }
  telemetry = await startTelemetry({ endpoint: 'http://127.0.0.1:9', serviceName: 'test', spanProcessors: [keep] })
})
afterAll(() => telemetry.stop())

it('a span of the edge joins the client’s trace, is the parent of the service’s, and ends with the answer', async () => {
  const mesh = bareMesh()
  let carried = ''
  mesh.join({
    name: 'traces',
    parts: [],
    http: (request, response) => {
      carried = String(request.headers['traceparent'])
      setTimeout(() => response.writeHead(206).end(), 50)
    },
  })
  const gateway = await startGateway(mesh)
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  await call(gateway.port, '/v1/traces', {
    headers: { ...bearer(gatewayToken), traceparent: `00-${traceId}-b7ad6b7169203331-01` },
  })
  await call(gateway.port, '/v1/traces')
  await gateway.stop()
  await mesh.close()

  const [served, refused] = ended
  expect(served).toMatchObject({
    name: 'GET /v1/traces',
    attributes: { 'http.route': '/v1/traces', 'http.response.status_code': 206 },
  })
  expect(served!.spanContext().traceId).toBe(traceId)
  expect(carried).toContain(`${traceId}-${served!.spanContext().spanId}`)
  expect(refused!.attributes['error.type']).toBe('UNAUTHORIZED')
})
