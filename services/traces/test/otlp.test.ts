/** Spans of other programs, from OpenTelemetry's own SDK and by hand. */
import { gzipSync } from 'node:zlib'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { context, SpanStatusCode, trace, type Attributes } from '@opentelemetry/api'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace'
import fc from 'fast-check'
import { newId } from '@clawmesh/chassis'
import type { Caller } from '@clawmesh/contracts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { decodeRequest } from '../src/otlp/protobuf.ts'
import { createOtlpUseCases } from '../src/otlp/use-cases.ts'
import { makeTenant, reportOf, startTraces, type TracesHarness } from './support.ts'

let traces: TracesHarness
beforeAll(async () => {
  traces = await startTraces()
})
afterAll(() => traces.stop())

const path = '/v1/otlp/v1/traces'
const secret = `sk-${'a1B2'.repeat(10)}`
const uuidOf = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** An agent of another program: a root, a model call under it and a tool call. Gives the trace's id. */
const runAgent = async (exporter: SpanExporter): Promise<string> => {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'travel', 'user.id': 'bob' }),
    // One at a time: a trace comes in as many requests as it has spans, the root last.
    spanProcessors: [new BatchSpanProcessor({ exporter, maxExportBatchSize: 1 })],
  })
  const tracer = provider.getTracer('travel')
  const root = tracer.startSpan('invoke_agent planner', {
    attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' },
  })
  const under = trace.setSpan(context.active(), root)
  const step = (name: string, attributes: Attributes) => tracer.startSpan(name, { attributes }, under).end()
  step('chat gpt-4o', {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-4o',
    'gen_ai.request.temperature': 0.5,
    'gen_ai.usage.input_tokens': 1_000,
    'gen_ai.usage.output_tokens': 1_000,
    'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.conversation.id': 'trip-1',
    'gen_ai.input.messages': `[{"role":"user","parts":[{"type":"text","content":"use ${secret}"}]}]`,
  })
  step('execute_tool search', {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'search',
    'gen_ai.tool.call.arguments': '{"q":"x"}',
  })
  step('GET', { 'http.request.method': 'GET' })
  await provider.forceFlush()
  root.setStatus({ code: SpanStatusCode.ERROR, message: 'no trains' })
  root.end()
  await provider.shutdown()
  return uuidOf(root.spanContext().traceId)
}

const exporters = {
  protobuf: ProtobufExporter,
  JSON: JsonExporter,
}

/** A span by hand, in the JSON encoding. */
const makeOtlpSpan = (fields: object = {}) => {
  const nanoseconds = (ms: number) => `${ms}000000`
  return {
    traceId: newId().replaceAll('-', ''),
    spanId: newId().replaceAll('-', '').slice(16),
    name: 'chat m',
    startTimeUnixNano: nanoseconds(Date.now() - 1_000),
    endTimeUnixNano: nanoseconds(Date.now()),
    attributes: [
      { key: 'gen_ai.system', value: { stringValue: 'openai' } },
      { key: 'gen_ai.request.model', value: { stringValue: 'gpt-4o' } },
      { key: 'gen_ai.usage.prompt_tokens', value: { intValue: '1000' } },
    ],
    ...fields,
  }
}
const requestOf = (...spans: object[]) => JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })

const send = async (caller: Caller, body: string | Buffer, headers: Record<string, string> = {}) => {
  const { base, headers: known } = traces.addressFor(caller)
  const answer = await fetch(`${base}${path}`, {
    method: 'POST',
    headers: { ...known, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  const bytes = Buffer.from(await answer.arrayBuffer())
  const json = () =>
    JSON.parse(bytes.toString()) as { partialSuccess?: { rejectedSpans: string; errorMessage: string } }
  return { status: answer.status, headers: answer.headers, bytes, json }
}

const firstId = ({ traceId }: { traceId: string }) => uuidOf(traceId)

describe.each(Object.entries(exporters))('what the SDK sends in %s', (name, Exporter) => {
  const { admin, tenantId } = makeTenant()
  let id: string
  let found: Awaited<ReturnType<TracesHarness['get']>>['body']
  beforeAll(async () => {
    const { base, headers } = traces.addressFor(admin)
    id = await runAgent(new Exporter({ url: `${base}${path}`, headers, compression: 'gzip' as never }))
    found = (await traces.get(admin, id)).body
  })

  it(ruleName('exportOtlpTraces.takesBothEncodings', name), () => {
    expect(found.spans).toHaveLength(4)
  })

  it(ruleName('exportOtlpTraces.becomesATrace', name), async () => {
    expect(found.trace).toMatchObject({
      id,
      tags: ['otlp'],
      channel: 'otlp',
      metadata: { service: 'travel', agent: 'planner' },
    })
    expect(found.spans.every((span) => span.tenant_id === tenantId && span.id.startsWith('00000000-0000-0000-'))).toBe(
      true,
    )
    expect((await traces.list(makeTenant().admin)).total).toBe(0)
  })

  it(ruleName('exportOtlpTraces.readsGenAiSpans', name), () => {
    expect(found.spans.map(({ span_type }) => span_type).toSorted()).toEqual([
      'agent',
      'event',
      'llm_call',
      'tool_call',
    ])
    expect(found.spans.find(({ span_type }) => span_type === 'llm_call')).toMatchObject({
      ...{ model: 'gpt-4o', provider: 'openai', input_tokens: 1_000, output_tokens: 1_000, total_cost: 0.0125 },
      ...{ finish_reason: 'stop', model_params: { temperature: 0.5 } },
    })
    expect(found.spans.find(({ span_type }) => span_type === 'tool_call')).toMatchObject({ tool_name: 'search' })
    expect(found.trace).toMatchObject({ total_cost: 0.0125, llm_call_count: 1, tool_call_count: 1, span_count: 4 })
  })

  it(ruleName('exportOtlpTraces.keepsContent', name), () => {
    expect(found.spans.find(({ span_type }) => span_type === 'tool_call')!.input_preview).toBe('{"q":"x"}')
    const said = found.spans.find(({ span_type }) => span_type === 'llm_call')!.input_preview
    expect(said).toContain('[REDACTED]')
    expect(said).not.toContain(secret)
  })

  it(ruleName('exportOtlpTraces.joinsBatches', name), () => {
    expect(found.trace).toMatchObject({
      ...{ name: 'invoke_agent planner', status: 'error', error: 'no trains', user_id: 'bob', session_key: 'trip-1' },
    })
    const starts = found.spans.map(({ start_time }) => Date.parse(start_time))
    expect(Date.parse(found.trace.start_time)).toBe(Math.min(...starts))
  })
})

rule('exportOtlpTraces.countsOnce', async () => {
  const { admin } = makeTenant()
  const body = requestOf(makeOtlpSpan())
  for (const _time of [1, 2, 3]) expect((await send(admin, body)).json()).toEqual({})
  const { records } = (await traces.request<{ records: unknown[] }>(admin, 'GET', '/v1/usage')).body
  expect(records).toHaveLength(0)
  const { current } = (await traces.request<{ current: object }>(admin, 'GET', '/v1/usage/summary')).body
  expect(current).toMatchObject({ requests: 1, input_tokens: 1_000, llm_calls: 1, cost: 0.0025 })
})

rule('exportOtlpTraces.namesTheUser', async () => {
  const { admin } = makeTenant()
  const user = [{ key: 'enduser.id', value: { stringValue: 'carol' } }]
  const bound: Caller = { ...admin, role: 'operator', userId: 'dave', userBound: true }
  const userIn = async (caller: Caller, fields: object) => {
    const span = makeOtlpSpan(fields)
    await send(caller, requestOf(span))
    return (await traces.get(admin, firstId(span))).body.trace.user_id
  }
  expect(await userIn(admin, { attributes: user })).toBe('carol')
  expect(await userIn(admin, {})).toBe(admin.userId)
  expect(await userIn(bound, { attributes: user })).toBe('dave')
})

rule('exportOtlpTraces.refusesSpansPartially', async () => {
  const { admin, tenantId } = makeTenant()
  const run = newId()
  await traces.tell(reportOf(tenantId, { id: run, run_id: run, user_id: 'alice', name: 'chat helper' }))
  const good = makeOtlpSpan()
  const bad = [
    makeOtlpSpan({ traceId: '00' }),
    makeOtlpSpan({ spanId: '0'.repeat(16) }),
    makeOtlpSpan({ startTimeUnixNano: '0' }),
    makeOtlpSpan({ endTimeUnixNano: '1' }),
    makeOtlpSpan({ traceId: run.replaceAll('-', '') }),
  ]
  const answer = await send(admin, requestOf(good, ...bad))
  expect(answer.status).toBe(200)
  const { rejectedSpans, errorMessage } = answer.json().partialSuccess!
  expect(rejectedSpans).toBe('5')
  for (const reason of ['traceId is no id', 'spanId is no id', 'older than', 'out of reason', 'belongs to a run'])
    expect(errorMessage).toContain(reason)
  expect((await traces.get(admin, firstId(good))).status).toBe(200)
  expect((await traces.get(admin, run)).body.trace).toMatchObject({ name: 'chat helper', span_count: 1 })

  const others = makeOtlpSpan()
  await send(admin, requestOf(others))
  const bound: Caller = { ...admin, role: 'operator', userId: 'dave', userBound: true }
  expect((await send(bound, requestOf(others))).json().partialSuccess?.rejectedSpans).toBe('1')

  // In protobuf: a trace id of one byte, in a span, in a scope, in a resource.
  const bytes = Buffer.from([0x0a, 7, 0x12, 5, 0x12, 3, 0x0a, 1, 1])
  const refused = await send(admin, bytes, { 'content-type': 'application/x-protobuf' })
  expect([refused.status, refused.headers.get('content-type')]).toEqual([200, 'application/x-protobuf'])
  const reader = new BinaryReader(new BinaryReader(refused.bytes.subarray(1)).bytes())
  expect([reader.tag()[0], Number(reader.int64()), reader.tag()[0], reader.string()]).toEqual([
    1,
    1,
    2,
    'traceId is no id',
  ])
})

rule('exportOtlpTraces.refusesWhatIsNoRequest', async () => {
  const { admin } = makeTenant()
  const protobuf = { 'content-type': 'application/x-protobuf' }
  const many = Array.from({ length: 10_001 }, () => ({ name: 'x' }))
  const bodies: [string | Buffer, Record<string, string>][] = [
    ['nonsense', {}],
    ['[]', {}],
    [requestOf(makeOtlpSpan({ attributes: 'none' })), {}],
    [Buffer.from('nonsense'), protobuf],
    [Buffer.from([0x0a, 200, 1]), protobuf],
    [requestOf(makeOtlpSpan()), { 'content-type': 'text/plain' }],
    [requestOf(makeOtlpSpan()), { 'content-encoding': 'br' }],
    [requestOf(makeOtlpSpan()), { 'content-encoding': 'gzip' }],
    [gzipSync(Buffer.alloc(17_000_000, ' ')), { 'content-encoding': 'gzip' }],
    [requestOf(...many), {}],
    [`{"resourceSpans":${'['.repeat(200)}${']'.repeat(200)}}`, {}],
  ]
  for (const [body, headers] of bodies) {
    const answer = await send(admin, body, headers)
    expect([String(body).slice(0, 30), answer.status]).toEqual([String(body).slice(0, 30), 400])
  }
  expect((await traces.list(admin)).total).toBe(0)
})

rule('exportOtlpTraces.pushesBack', async () => {
  const stored = Promise.withResolvers<void>()
  const otlp = createOtlpUseCases({
    owners: async () => [],
    store: () => stored.promise,
    previewLimit: 100,
    retentionDays: 7,
  })
  const { admin } = makeTenant()
  const request = async () => {
    const span = { ...makeOtlpSpan(), parentSpanId: '', attributes: [] }
    return { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }
  }
  const taken = Array.from({ length: 68 }, () => otlp.take(admin, request))
  await expect(otlp.take(admin, request)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1_000 })
  stored.resolve()
  await Promise.all(taken)
  expect(await otlp.take(admin, request)).toMatchObject({ spans: 0 })
})

it('protobuf of any bytes is read or refused, and never takes more than its limits', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        expect(typeof decodeRequest(bytes, { depth: 10, values: 100 })).toBe('object')
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(Error)
      }
    }),
  )
  const nested = (bytes: Buffer, number: number): Buffer =>
    Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes])
  // A value in a list in a value in a list, and so on, in an attribute of a resource.
  let value: Buffer = Buffer.alloc(0)
  for (let deep = 0; deep < 20; deep++) value = nested(nested(value, 1), 5)
  const request = nested(nested(nested(nested(value, 2), 1), 1), 1)
  expect(() => decodeRequest(request, { depth: 10, values: 1_000 })).toThrow('nested too deep')
  expect(() => decodeRequest(request, { depth: 100, values: 10 })).toThrow('too many values')
})
