import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace'
import { startTelemetry, traced, tracedStream, traceHeaders } from '../src/index.ts'

describe('telemetry', () => {
  it('costs nothing and carries nothing while it is off', async () => {
    expect(await traced({ name: 'x', kind: 'server' }, async (span) => span)).toBeUndefined()
    expect(traceHeaders()).toEqual({})
  })

  it('joins spans over headers, streams included, and marks failures', async () => {
    const exporter = new InMemorySpanExporter()
    const processor = new SimpleSpanProcessor({ exporter })
    const telemetry = await startTelemetry({
      endpoint: 'http://127.0.0.1:9',
      serviceName: 'test',
      spanProcessors: [processor],
    })
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
    await telemetry.stop()

    const traceId = spans.get('edge')!.spanContext().traceId
    expect(carrier['traceparent']).toContain(traceId)
    expect(spans.get('stream')!.spanContext().traceId).toBe(traceId)
    expect(spans.get('stream')!.parentSpanContext?.spanId).toBe(spans.get('edge')!.spanContext().spanId)
    expect(spans.get('inner')!.parentSpanContext?.spanId).toBe(spans.get('stream')!.spanContext().spanId)
    expect(spans.get('broken')!.attributes['error.type']).toBe('RangeError')
  })
})
