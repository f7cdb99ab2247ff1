import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace'
import { SpanKind } from '@opentelemetry/api'
import { callOf, chatAs, deltaOf, foundAgent, grpcTo, linkTo, startReplica } from '../../test/support/link-replicas.ts'
import { startTelemetry, traced, tracedStream, traceHeaders, type Telemetry } from '../src/index.ts'

describe('telemetry', () => {
  it('costs nothing and carries nothing while it is off', async () => {
    expect(await traced({ name: 'x', kind: 'server' }, async (span) => span)).toBeUndefined()
    expect(traceHeaders()).toEqual({})
  })
})

describe('telemetry that is on', () => {
  const exporter = new InMemorySpanExporter()
  const processor = new SimpleSpanProcessor({ exporter })
  let telemetry: Telemetry
  // Once in a process: OpenTelemetry keeps the first.
  beforeAll(async () => {
    telemetry = await startTelemetry({
      endpoint: 'http://127.0.0.1:9',
      serviceName: 'test',
      spanProcessors: [processor],
    })
  })
  afterAll(() => telemetry.stop())
  beforeEach(() => exporter.reset())

  it('joins spans over headers, streams included, and marks failures', async () => {
    let carrier: Record<string, string> = {}
    await traced({ name: 'edge', kind: 'server' }, async () => {
      carrier = traceHeaders()
    })
    const numbers = tracedStream({ name: 'stream', kind: 'server', carrier }, async function* () {
      yield 1
      await traced({ name: 'inner', kind: 'client' }, async () => undefined)
      yield 2
    })
    expect(await Array.fromAsync(numbers)).toEqual([1, 2])
    await expect(
      traced({ name: 'broken', kind: 'internal' }, () => Promise.reject(new RangeError('no'))),
    ).rejects.toThrow()
    await processor.forceFlush()
    const spans = new Map(exporter.getFinishedSpans().map((span) => [span.name, span]))

    const traceId = spans.get('edge')!.spanContext().traceId
    expect(carrier['traceparent']).toContain(traceId)
    expect(spans.get('stream')!.spanContext().traceId).toBe(traceId)
    expect(spans.get('stream')!.parentSpanContext?.spanId).toBe(spans.get('edge')!.spanContext().spanId)
    expect(spans.get('inner')!.parentSpanContext?.spanId).toBe(spans.get('stream')!.spanContext().spanId)
    expect(spans.get('broken')!.attributes['error.type']).toBe('RangeError')
  })
  it.each(['link', 'gRPC'])('joins spans of processes that call each other over %s', async (transport) => {
    const sql = (name: string) => traced({ name, kind: 'client' }, async () => undefined)
    const replica = await startReplica({
      read: async () => (await sql('SELECT'), foundAgent),
      stream: async function* () {
        yield deltaOf('a')
        await sql('INSERT')
      },
    })
    const mesh = transport === 'link' ? linkTo(() => [replica.address]) : grpcTo(replica.address)
    await traced({ name: 'edge', kind: 'server' }, async () => {
      await mesh.agents.resolveAgent(callOf(), { agent: '' })
      for await (const _message of mesh.providers.chat(callOf(), chatAs('')));
    })
    mesh.close()
    await replica.stop()
    await processor.forceFlush()
    const spans = exporter.getFinishedSpans()
    const parentOf = (name: string, kind?: SpanKind) => {
      const child = spans.find((span) => span.name === name && (kind === undefined || span.kind === kind))
      const parent = spans.find((span) => span.spanContext().spanId === child?.parentSpanContext?.spanId)
      return [parent?.name, parent?.kind]
    }
    for (const [method, statement] of [
      ['clawmesh.agents.v1.AgentsService/ResolveAgent', 'SELECT'],
      ['clawmesh.providers.v1.ProvidersService/Chat', 'INSERT'],
    ] as const) {
      expect(parentOf(statement)).toEqual([method, SpanKind.SERVER])
      expect(parentOf(method, SpanKind.SERVER)).toEqual([method, SpanKind.CLIENT])
      expect(parentOf(method, SpanKind.CLIENT)).toEqual(['edge', SpanKind.SERVER])
    }
  })
})
