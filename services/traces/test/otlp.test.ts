/** Spans of other programs, from OpenTelemetry's own SDK and by hand. */
import { gzipSync } from 'node:zlib'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { context, SpanStatusCode, trace, type Attributes } from '@opentelemetry/api'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace'
import fc from 'fast-check'
import { newId } from '@clawmesh/chassis'
import type { Caller } from '@clawmesh/contracts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { decode, request, resource } from '../src/otlp/protobuf.ts'
import { readRequest, type Encoding } from '../src/otlp/request.ts'
import { mergeReports } from '../src/intake/merge.ts'
import { readTold } from '../src/intake/read-event.ts'
import { createOtlpUseCases } from '../src/otlp/use-cases.ts'
import { createAppendRows } from '../src/span-store/postgres/append-rows.ts'
import { createAppend } from '../src/span-store/postgres/append.ts'
import {
  callCost,
  makeTenant,
  makeTrace,
  reportOf,
  startTraces,
  type RecordedTrace,
  type TracesHarness,
} from './support.ts'

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

rule('exportOtlpTraces.yieldsToRuns', async () => {
  const { admin, tenantId } = makeTenant()
  const [run, agentId] = [newId(), newId()]
  const stray = makeOtlpSpan({ traceId: run.replaceAll('-', '') })
  const backdated = { startTimeUnixNano: `${Date.now() - 5 * 24 * 3_600_000}000000` }
  const before = await send(admin, requestOf(stray, { ...stray, ...backdated, spanId: 'ab'.repeat(8) }))
  expect([before.json(), (await traces.get(admin, run)).body.trace.span_count]).toEqual([{}, 2])

  const started = new Date().toISOString()
  const reported = { id: run, run_id: run, agent_id: agentId, created_at: started, tags: ['team:blue'], channel: 'ws' }
  await traces.tell(reportOf(tenantId, reported))
  const after = await send(admin, requestOf(stray))
  expect(after.json().partialSuccess?.rejectedSpans).toBe('1')

  const { trace, spans } = (await traces.get(admin, run)).body
  expect(trace).toMatchObject({ ...reported, span_count: 1, llm_call_count: 1, total_cost: callCost })
  expect([trace.metadata ?? {}, spans.length]).toEqual([{}, 1])
  expect(await traces.monthCost(admin, agentId)).toBe(callCost)
  expect((await traces.list(admin)).total).toBe(1)
})

it('a run and another program that tell of one trace in one batch, or at one moment, leave that of the run', async () => {
  const { admin, tenantId } = makeTenant()
  const run = newId()
  const report = (trace: Partial<RecordedTrace>, minutes: number) => ({
    ...readTold(
      {
        tenantId,
        recordedAt: new Date(Date.now() + minutes * 60_000),
        trace: makeTrace({ id: run, ...trace }),
        spans: [],
      },
      100,
    ),
  })
  const own = report({ run_id: run, tags: ['team:blue'] }, 1)
  for (const minutes of [0, 2]) {
    const stray = report({ tags: ['otlp'], user_id: 'mallory' }, minutes)
    expect(mergeReports([own, stray])).toEqual([own])
    expect(mergeReports([stray, own])).toEqual([own])
  }
  // Whoever was told that there is no such trace yet writes after the run.
  await traces.tell(reportOf(tenantId, { id: run, run_id: run, user_id: 'alice', name: 'chat helper' }))
  const store = createAppend({
    store: createAppendRows(traces.mesh.database('traces')),
    partitions: { ensurePartitions: async () => undefined } as never,
    usageRetentionDays: 400,
  })
  await store.append([report({ tags: ['otlp'], name: 'mine', user_id: 'mallory' }, 1)])
  expect((await traces.get(admin, run)).body.trace).toMatchObject({
    name: 'chat helper',
    user_id: 'alice',
    span_count: 1,
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
    [requestOf(makeOtlpSpan({ attributes: Array.from({ length: 20_001 }, () => ({})) })), {}],
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
    spans: { of: () => ({ owners: async () => [] }) },
    store: () => stored.promise,
    previewLimit: 100,
    retentionDays: 7,
  })
  const read = async () => [{ resource: [], spans: [{ ...makeOtlpSpan(), parentSpanId: '', attributes: [] }] }]
  const here = async () => Buffer.alloc(0)
  const tooMuch = { code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1_000 }

  // One whose bodies do not come to their end is in the way of nobody else.
  const slow = makeTenant().admin
  const arriving = Promise.withResolvers<Buffer>()
  const slowOnes = Array.from({ length: 16 }, () => otlp.take(slow, () => arriving.promise, read))
  await expect(otlp.take(slow, here, read)).rejects.toMatchObject(tooMuch)

  const { admin } = makeTenant()
  const others = [admin, makeTenant().admin, makeTenant().admin, makeTenant().admin]
  const taken = others.flatMap((caller) => Array.from({ length: 16 }, () => otlp.take(caller, here, read)))
  await expect(otlp.take(admin, here, read)).rejects.toMatchObject(tooMuch)
  // Four more is all there is room for.
  const last = makeTenant().admin
  taken.push(...Array.from({ length: 4 }, () => otlp.take(last, here, read)))
  await expect(otlp.take(last, here, read)).rejects.toMatchObject(tooMuch)
  stored.resolve()
  await Promise.all(taken)
  arriving.resolve(Buffer.alloc(0))
  await Promise.all(slowOnes)
  expect(await otlp.take(admin, here, read)).toMatchObject({ spans: 0 })
})

describe('a large request', () => {
  const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)
  const json = (...spans: unknown[]) => Buffer.from(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }))
  /** Empty messages in a field of a message in a message. */
  const protobuf = (count: number) => {
    const spans = new BinaryWriter().tag(2, WireType.LengthDelimited).fork()
    for (let number = 0; number < count; number++) spans.tag(2, WireType.LengthDelimited).bytes(Uint8Array.of(0xff))
    return Buffer.from(new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(spans.join().finish()).finish())
  }
  const refusal = (body: Buffer, encoding: Encoding = 'application/json') =>
    readRequest(body, encoding).then(
      () => undefined,
      (thrown: { params: object; cause?: Error }) => thrown,
    )
  const tooMany = { params: { reason: 'too many values' } }

  it('is refused for its count of spans, resources or scopes before any of them is looked at', async () => {
    expect(await refusal(json(...times(10_001, 5)))).toMatchObject(tooMany)
    expect(await refusal(protobuf(10_001), 'application/x-protobuf')).toMatchObject(tooMany)
    const resourceSpans = times(10_001, 5)
    expect(await refusal(Buffer.from(JSON.stringify({ resourceSpans })))).toMatchObject(tooMany)
    const scopeSpans = times(10_001, 5)
    expect(await refusal(Buffer.from(JSON.stringify({ resourceSpans: [{ scopeSpans }] })))).toMatchObject(tooMany)
    expect(await refusal(protobuf(10), 'application/x-protobuf')).toMatchObject({
      params: { reason: 'cannot be parsed' },
    })
  })

  it('is refused for a span of more values than any has, and nothing of it is looked at', async () => {
    expect(await refusal(json({ attributes: times(20_001, 5) }))).toMatchObject(tooMany)
  })

  it('is given up at the first fault, of which alone is told', async () => {
    const refused = await refusal(json({ attributes: times(10_000, 5) }, { attributes: 'none' }))
    expect(refused!.cause!.message).toMatch(/^attributes\.0: .{1,100}$/)
  })

  it('leaves everybody else their turns', async () => {
    let turns = 0
    let isRead = false
    const count = () => {
      turns++
      if (!isRead) setImmediate(count)
    }
    setImmediate(count)
    const [described] = await readRequest(json(...times(2_000, makeOtlpSpan())), 'application/json')
    isRead = true
    expect(described!.spans).toHaveLength(2_000)
    expect(turns).toBeGreaterThan(5)
  })
})

it('of the attributes of a span the first 64 are kept beside those that are read', async () => {
  const { admin } = makeTenant()
  const attributes = [
    ...Array.from({ length: 100 }, (_, number) => ({ key: `a${number}`, value: { intValue: number } })),
    { key: 'gen_ai.request.model', value: { stringValue: 'gpt-4o' } },
  ]
  const span = makeOtlpSpan({ attributes })
  await send(admin, requestOf(span))
  const [stored] = (await traces.get(admin, firstId(span))).body.spans
  const kept = (stored!.metadata as { attributes: object }).attributes
  expect(Object.keys(kept)).toEqual(Array.from({ length: 64 }, (_, number) => `a${number}`))
  expect(stored!.model).toBe('gpt-4o')
})

it('protobuf of any bytes is read or refused, and never takes more than its limits', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        for (const message of [request, resource])
          expect(typeof decode(message, bytes, { depth: 10, values: 100 })).toBe('object')
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
  const attribute = nested(nested(value, 2), 1)
  expect(() => decode(resource, attribute, { depth: 10, values: 1_000 })).toThrow('nested too deep')
  expect(() => decode(resource, attribute, { depth: 100, values: 10 })).toThrow('too many values')
})
