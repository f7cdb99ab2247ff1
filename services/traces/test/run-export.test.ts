/** Runs as GenAI spans for an OpenTelemetry collector, which holds them against the pinned conventions. */
import * as incubating from '@opentelemetry/semantic-conventions/incubating'
import { createLogger, metricsRegistry, newId } from '@clawmesh/chassis'
import { genAiConventions } from '../../../test/fakes/gen-ai-conventions.ts'
import { fakeOtlpReceiver, type FakeOtlpReceiver } from '../../../test/fakes/otlp-receiver.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { pricedBy } from '../src/intake/pricing.ts'
import type { TraceReport } from '../src/intake/types.ts'
import { readTold } from '../src/intake/read-event.ts'
import { createPriceTable } from '../src/model-pricing/price-table.ts'
import { createRunExporter, type RunExporterOptions } from '../src/run-export/exporter.ts'
import { makeSpan, makeTenant, makeTrace, pricedCall, reportOf, startTraces, type RecordedSpan } from './support.ts'

let collector: FakeOtlpReceiver
beforeEach(async () => {
  collector = await fakeOtlpReceiver()
})
afterEach(() => collector.close())

const secret = `sk-${'a1B2'.repeat(10)}`
const [id, root, agentId, tenantId] = [newId(), newId(), newId(), newId()]
const spans: RecordedSpan[] = [
  makeSpan({ id: root, agent_id: agentId, span_type: 'agent', name: 'chat helper', status: 'error', error: 'gone' }),
  pricedCall({
    parent_span_id: root,
    provider: 'gemini',
    finish_reason: 'stop',
    model_params: { temperature: 0.5, max_tokens: 100, seed: 1 },
    metadata: { cache_read_tokens: 400, cache_creation_tokens: 0, thinking_tokens: 7 },
    input_preview: `my key is ${secret}`,
    output_preview: 'hello',
  }),
  makeSpan({
    parent_span_id: root,
    span_type: 'tool_call',
    tool_name: 'search',
    tool_call_id: 'c1',
    input_preview: '{}',
  }),
  makeSpan({ span_type: 'embedding', provider: 'openai', model: 'text-embedding-3-small', input_tokens: 5 }),
  makeSpan({ status: 'running' }),
]
const run = {
  tenantId,
  recordedAt: new Date(),
  trace: makeTrace({ id, session_key: 'agent:helper:main', user_id: 'alice', input_preview: `key ${secret}` }),
  spans,
}
const report = pricedBy(createPriceTable({}), readTold(run, 1_000))

const exporting = async (
  options: Partial<RunExporterOptions>,
  work: (offer: (offered?: TraceReport) => void) => Promise<void>,
) => {
  const exporter = createRunExporter({
    ...{ endpoint: collector.endpoint, headers: {}, content: false, serviceName: 'clawmesh', serviceVersion: '1' },
    log: createLogger({ level: 'silent', name: 'test' }),
    ...options,
  })
  await exporter.part.start!()
  await work((offered = report) => exporter.offer([offered]))
  await exporter.part.stop!()
}

const counted = async () => {
  const metric = await metricsRegistry.getSingleMetric('clawmesh_run_export_spans_total')!.get()
  const values = new Map(metric.values.map(({ labels, value }) => [labels['outcome'], value]))
  return { of: (outcome: string) => values.get(outcome) ?? 0 }
}

const attributesOf = (name: string) =>
  new Map(collector.spans.find((span) => span.name === name)!.attributes.map(({ key, value }) => [key, value]))

describe('a run for the collector', () => {
  it('is spans as the conventions have them, without what was said', async () => {
    await exporting({ headers: { 'x-collector-key': 'k' } }, async (offer) => offer())
    expect(collector.violations).toEqual([])
    expect(collector.spans.map(({ name }) => name)).toEqual([
      'invoke_agent helper',
      'chat gpt-4o',
      'execute_tool search',
      'embeddings text-embedding-3-small',
    ])
    const call = attributesOf('chat gpt-4o')
    expect(Object.fromEntries(call)).toMatchObject({
      'gen_ai.provider.name': { stringValue: 'gcp.gemini' },
      'gen_ai.usage.input_tokens': { intValue: '1000' },
      'gen_ai.usage.cache_read.input_tokens': { intValue: '400' },
      'gen_ai.request.temperature': { doubleValue: 0.5 },
      'gen_ai.conversation.id': { stringValue: 'agent:helper:main' },
    })
    expect(collector.headers[0]).toMatchObject({ 'x-collector-key': 'k', 'content-encoding': 'gzip' })
    expect(JSON.stringify(collector.spans)).not.toMatch(/hello|my key|arguments/)
  })

  it('has the ids of the run: its trace id, and the last eight bytes of each span', async () => {
    await exporting({}, async (offer) => offer())
    const hex = (uuid: string) => uuid.replaceAll('-', '')
    expect(collector.spans.map(({ traceId }) => traceId)).toEqual(Array.from({ length: 4 }, () => hex(id)))
    expect(collector.spans[0]!.spanId).toBe(hex(root).slice(16))
    expect(collector.spans[1]!.parentSpanId).toBe(hex(root).slice(16))
  })

  it('says what was said where the operator wants it, and no credentials then either', async () => {
    await exporting({ content: true }, async (offer) => offer())
    expect(collector.violations).toEqual([])
    const [input, output] = ['gen_ai.input.messages', 'gen_ai.output.messages'].map(
      (name) => JSON.parse(String(attributesOf('chat gpt-4o').get(name)!['stringValue'])) as unknown,
    )
    expect(input).toEqual([{ role: 'user', parts: [{ type: 'text', content: 'my key is [REDACTED]' }] }])
    expect(output).toEqual([{ role: 'assistant', parts: [{ type: 'text', content: 'hello' }], finish_reason: 'stop' }])
    expect(JSON.stringify(collector.spans)).not.toContain(secret)
  })

  it('is sent again where the collector was away for a moment', async () => {
    collector.statuses.push(503)
    await exporting({}, async (offer) => {
      offer()
      await eventually('the spans come', async () => collector.spans.length === 4)
    })
    expect(collector.headers).toHaveLength(2)
  })

  it('leaves out what there is no room for, and whoever offers it waits for nobody', async () => {
    collector.statuses.push(...Array.from({ length: 100 }, () => 400))
    const before = await counted()
    let looks = 0
    const dear = {
      ...report,
      spans: report.spans.map((span) => ({
        ...span,
        get metadata() {
          looks++
          return span.metadata
        },
      })),
    }
    await exporting({}, async (offer) => {
      // Four spans each, one of which has its metadata looked at.
      for (let count = 0; count < 1_000; count++) offer(dear)
      looks = 0
      offer(dear)
    })
    expect(looks).toBe(0)
    expect(collector.headers.length).toBeLessThanOrEqual(2_048 / 256)
    const failed = 2_048
    await eventually(
      'what was taken is counted',
      async () => (await counted()).of('failed') === before.of('failed') + failed,
    )
    expect((await counted()).of('dropped') - before.of('dropped')).toBe(4 * 1_001 - failed)
  })

  it('is counted where it was sent', async () => {
    const before = await counted()
    await exporting({}, async (offer) => offer())
    const after = await counted()
    expect(['sent', 'failed', 'dropped'].map((outcome) => after.of(outcome) - before.of(outcome))).toEqual([4, 0, 0])
  })

  it('goes with the headers for this collector, and none that the environment has for another', async () => {
    const names = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS']
    for (const name of names) process.env[name] = `x-of-${name.length}=key,authorization=another`
    try {
      await exporting({ headers: { 'x-collector-key': 'k' } }, async (offer) => offer())
    } finally {
      for (const name of names) delete process.env[name]
    }
    expect(collector.headers[0]).toMatchObject({ 'x-collector-key': 'k', 'content-type': 'application/x-protobuf' })
    expect(Object.keys(collector.headers[0]!).filter((name) => /^x-of|^auth/.test(name))).toEqual([])
  })
})

it('names no attribute that the conventions do not have', () => {
  const known = new Set<unknown>(Object.values(incubating))
  const named = Object.values(genAiConventions).flatMap(({ attributes }) => Object.keys(attributes))
  expect(named.filter((name) => !known.has(name) && !name.startsWith('clawmesh.'))).toEqual([])
})

it('every run that is stored is sent', async () => {
  const traces = await startTraces({ CLAWMESH_RUN_EXPORT_ENDPOINT: collector.endpoint })
  const { tenantId: tenant } = makeTenant()
  await traces.tell(reportOf(tenant), reportOf(tenant))
  await eventually('two runs come', async () => collector.spans.length === 2)
  expect(collector.violations).toEqual([])
  await traces.stop()
})
