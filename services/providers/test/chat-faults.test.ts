/** What a bad upstream does to a call, for both wires: never a success, never a hang, the right error and retries. */
import { chat } from '../src/chat/chat.ts'
import type { CallOptions } from '../src/chat/protocols/options.ts'
import { fakeAnthropic } from '../../../test/fakes/anthropic.ts'
import type { FakeUpstream, Script } from '../../../test/fakes/http-fake.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import { chatRequest, collect, connectionTo, doneOf, errorOf, testKey, testOptions, type Collected } from './support.ts'

const text = 'one two three four five six seven eight nine ten'

const wires = [
  { type: 'openai_compat', start: fakeOpenAi },
  { type: 'anthropic_native', start: fakeAnthropic },
]

describe.each(wires)('faults of $type', ({ type, start }) => {
  let fake: FakeUpstream
  let options: ReturnType<typeof testOptions>
  beforeEach(async () => {
    fake = await start({ text })
    options = testOptions()
  })
  afterEach(async () => {
    await options.fetcher.destroy()
    await fake.close()
  })

  const call = (scripts: Script[], more: Partial<CallOptions> = {}, stream = true): Promise<Collected> => {
    fake.next(...scripts)
    return collect(chat(connectionTo(fake.base, { type }), chatRequest({ stream }), { ...options, ...more }))
  }

  it('waits as long as Retry-After says after a 429, and tells', async () => {
    const started = Date.now()
    const got = await call([{ status: 429, headers: { 'retry-after': '1' } }])
    expect(doneOf(got).content).toBe(text)
    expect(got.retries).toEqual([{ attempt: 1, maxAttempts: 3, delayMs: 1000, reason: 'fake error 429' }])
    expect(Date.now() - started).toBeGreaterThanOrEqual(990)
    expect(fake.requests).toHaveLength(2)
  })

  it('backs off by itself after a 429 without Retry-After', async () => {
    const got = await call([{ status: 429 }, { status: 429 }])
    expect(doneOf(got).content).toBe(text)
    expect(got.retries.map(({ attempt }) => attempt)).toEqual([1, 2])
  })

  it('fails at once on a Retry-After above the cap, and passes it on', async () => {
    const got = await call([{ status: 429, headers: { 'retry-after': '72000' } }], { retry: {} })
    const error = errorOf(got)
    expect([error.code, error.key, error.retryAfterMs]).toEqual([
      'RESOURCE_EXHAUSTED',
      'error.provider_rate_limit',
      72_000_000,
    ])
    expect([got.retries, fake.requests.length]).toEqual([[], 1])
  })

  it('pauses by itself after a Retry-After that lies in the past', async () => {
    const past = new Date(Date.now() - 3_600_000).toUTCString()
    const got = await call([{ status: 503, headers: { 'retry-after': past } }], { retry: { baseMs: 40 } })
    expect(doneOf(got).content).toBe(text)
    expect(got.retries[0]!.delayMs).toBeGreaterThanOrEqual(36)
  })

  it('does not ask again when a quota is spent', async () => {
    const got = await call([{ status: 429, error: { type: 'insufficient_quota', message: 'quota' } }])
    const error = errorOf(got)
    expect([error.code, error.message]).toEqual([
      'QUOTA_EXHAUSTED',
      'the quota at provider test-provider is spent: quota',
    ])
    expect(fake.requests).toHaveLength(1)
  })

  it.each([500, 502, 503, 504, 529])('tries again after one %i', async (status) => {
    const got = await call([{ status }])
    expect(doneOf(got).content).toBe(text)
    expect(fake.requests).toHaveLength(2)
  })

  it('gives up on a 503 that stays after three tries', async () => {
    fake.rule = () => ({ status: 503, error: { message: `down, key ${testKey}` } })
    const error = errorOf(await call([]))
    expect([error.code, error.key]).toEqual(['UNAVAILABLE', 'error.provider_request_failed'])
    expect(error.message).toBe('provider test-provider failed: down, key ***')
    expect(fake.requests).toHaveLength(3)
  })

  it('tries again after a reset before the headers', async () => {
    expect(doneOf(await call([{ fault: 'reset' }])).content).toBe(text)
    expect(fake.requests).toHaveLength(2)
  })

  it('reports a connection that is always reset', async () => {
    fake.rule = () => ({ fault: 'reset' })
    const error = errorOf(await call([]))
    expect([error.code, error.key]).toEqual(['UNAVAILABLE', 'error.provider_request_failed'])
  })

  it('reports a refused connection', async () => {
    await fake.close()
    const error = errorOf(await call([]))
    expect(error.message).toBe('provider test-provider failed: connection refused')
    fake = await start({ text })
  })

  it.each(['silence', 'silent_stream'] as const)(
    'ends %s at the first-token timeout, without another try',
    async (fault) => {
      const hungUp = fake.hangUp()
      const error = errorOf(await call([{ fault }], { timeouts: { firstTokenMs: 150 } }))
      expect([error.code, error.key]).toEqual(['AGENT_TIMEOUT', 'error.provider_timeout'])
      await hungUp
      expect(fake.requests).toHaveLength(1)
    },
  )

  it('waits for a slow first token within its timeout, however short the idle timeout', async () => {
    const got = await call([{ firstDelayMs: 1_500 }], { timeouts: { firstTokenMs: 60_000, idleMs: 1_000 } })
    expect(doneOf(got).content).toBe(text)
  })

  it('ends a whole answer that never comes at its own timeout', async () => {
    const error = errorOf(await call([{ fault: 'silence' }], { timeouts: { wholeMs: 150 } }, false))
    expect(error.code).toBe('AGENT_TIMEOUT')
  })

  it('ends a stalled stream at the idle timeout, what came before delivered', async () => {
    const hungUp = fake.hangUp()
    const got = await call([{ fault: 'stall' }], { timeouts: { idleMs: 150 } })
    const error = errorOf(got)
    expect([error.code, error.key]).toEqual(['AGENT_TIMEOUT', 'error.provider_timeout'])
    expect(text.startsWith(got.text) && got.text !== '').toBe(true)
    await hungUp
  })

  it('lets a stream last longer than the idle timeout, as long as it goes on', async () => {
    const got = await call([{ chunks: 40, chunkDelayMs: 150 }], { timeouts: { idleMs: 4_000 } })
    expect(doneOf(got).content).toBe(text)
  })

  it('holds a long answer up while its consumer is slow, and loses nothing', async () => {
    const long = 'a long answer '.repeat(150_000)
    fake.next({ text: long, chunks: 500 })
    let received = ''
    let rested = false
    for await (const { event } of chat(connectionTo(fake.base, { type }), chatRequest(), options)) {
      if (event?.$case !== 'textDelta') continue
      received += event.value
      if (!rested) await new Promise((resolve) => setTimeout(resolve, 300))
      rested = true
    }
    expect(received === long).toBe(true)
  })

  it('does not count a slow consumer as a stall', async () => {
    fake.next({ chunkDelayMs: 5 })
    const events = chat(connectionTo(fake.base, { type }), chatRequest(), { ...options, timeouts: { idleMs: 1_000 } })
    let last = ''
    let rests = 0
    for await (const { event } of events) {
      last = event!.$case
      if (event?.$case === 'textDelta' && rests++ < 2) await new Promise((resolve) => setTimeout(resolve, 1_200))
    }
    expect(last).toBe('done')
  })

  const broken: { fault: Script['fault']; key: string }[] = [
    { fault: 'cut', key: 'error.stream_cut' },
    { fault: 'short_body', key: 'error.stream_cut' },
    { fault: 'unfinished', key: 'error.stream_cut' },
    { fault: 'unterminated', key: 'error.stream_cut' },
    { fault: 'malformed', key: 'error.stream_cut' },
    { fault: 'error_event', key: 'error.provider_request_failed' },
  ]
  it.each(broken)(
    'never takes $fault for a success, nor tries again once something was delivered',
    async ({ fault, key }) => {
      const got = await call([{ fault }])
      const error = errorOf(got)
      expect([error.code, error.key]).toEqual(['UNAVAILABLE', key])
      expect(got.done).toEqual([])
      expect(got.retries).toEqual([])
      expect(text.startsWith(got.text) && got.text !== '').toBe(true)
      expect(fake.requests).toHaveLength(1)
    },
  )

  it('delivers what came before a malformed event', async () => {
    const got = await call([{ fault: 'malformed', chunks: 10, pieceBytes: 100_000 }])
    expect(errorOf(got).key).toBe('error.stream_cut')
    expect(got.text.length).toBeGreaterThan(0)
  })

  it('tries again after an error event that came before anything else', async () => {
    const got = await call([{ fault: 'error_first', error: { type: 'overloaded_error', message: 'busy' } }])
    expect(doneOf(got).content).toBe(text)
    expect(got.retries[0]?.reason).toBe('busy')
  })

  it('reports an error event of a rate limit as one', async () => {
    fake.rule = () => ({ fault: 'error_first', error: { type: 'rate_limit_error' } })
    expect(errorOf(await call([])).code).toBe('RESOURCE_EXHAUSTED')
    expect(fake.requests).toHaveLength(3)
  })

  it('tells an error in a 200 body from an answer', async () => {
    const error = errorOf(
      await call([{ fault: 'error_body', error: { type: 'invalid_request_error', message: 'no' } }]),
    )
    expect([error.code, error.key]).toEqual(['INVALID_REQUEST', 'error.provider_rejected'])
    const whole = errorOf(await call([{ fault: 'error_body', error: { type: 'authentication_error' } }], {}, false))
    expect(whole.code).toBe('FAILED_PRECONDITION')
  })

  it('reports a web page as a failure', async () => {
    const error = errorOf(await call([{ fault: 'web_page' }]))
    expect([error.code, error.params['reason']]).toEqual(['UNAVAILABLE', 'answered with a web page'])
  })

  it('takes a whole answer where a stream was asked for', async () => {
    const got = await call([{ fault: 'other_form' }])
    expect(got.text).toBe(text)
    expect(doneOf(got).content).toBe(text)
  })

  it('takes a stream where a whole answer was asked for', async () => {
    const got = await call([{ fault: 'other_form' }], {}, false)
    expect(doneOf(got).content).toBe(text)
    expect(got.events).toHaveLength(1)
  })

  it('never takes a cut whole answer for a success', async () => {
    fake.rule = () => ({ fault: 'cut' })
    const error = errorOf(await call([], {}, false))
    expect([error.code, error.key]).toEqual(['UNAVAILABLE', 'error.stream_cut'])
  })

  const refused: { status: number; code: string; key: string }[] = [
    { status: 400, code: 'INVALID_REQUEST', key: 'error.provider_rejected' },
    { status: 401, code: 'FAILED_PRECONDITION', key: 'error.provider_credentials' },
    { status: 403, code: 'FAILED_PRECONDITION', key: 'error.provider_credentials' },
    { status: 404, code: 'NOT_FOUND', key: 'error.provider_rejected' },
    { status: 413, code: 'INVALID_REQUEST', key: 'error.provider_rejected' },
    { status: 422, code: 'INVALID_REQUEST', key: 'error.provider_rejected' },
    { status: 501, code: 'UNAVAILABLE', key: 'error.provider_request_failed' },
  ]
  it.each(refused)('reports $status as $code at once', async ({ status, code, key }) => {
    const got = await call([{ status, error: { message: `bad ${testKey} ${'x'.repeat(500)}` } }])
    const error = errorOf(got)
    expect([error.code, error.key]).toEqual([code, key])
    expect(String(error.params['reason']).length).toBeLessThanOrEqual(300)
    expect(fake.requests).toHaveLength(1)
  })

  it.each([
    { status: 400, message: "This model's maximum context length is 8192 tokens" },
    { status: 500, message: 'prompt is too long: 210000 tokens > 200000 maximum' },
    { status: 400, message: 'The response was filtered (content_filter)' },
  ])('does not ask again when told: $message', async ({ status, message }) => {
    const error = errorOf(await call([{ status, error: { message } }]))
    expect([error.code, error.params['reason']]).toEqual(['INVALID_REQUEST', message])
    expect(fake.requests).toHaveLength(1)
  })

  it('keeps the connection of a complete answer, and uses it again', async () => {
    const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 250))
    for (const stream of [true, true, false, false]) {
      await call([], {}, stream)
      // A stream is complete for us before its connection is free again.
      await settled()
    }
    expect(fake.sockets).toBe(1)
  })

  it('refuses an answer larger than its limit', async () => {
    const error = errorOf(await call([{ text: 'long '.repeat(10_000) }], { answerLimitBytes: 20_000 }))
    expect(error.message).toContain('answer larger than 20000 bytes')
  })

  it('asks again with the limit that a refusal of max_tokens names, once', async () => {
    const refusal = {
      status: 400,
      error: { message: 'max_tokens is too large: this model supports at most 4096 completion tokens' },
    }
    fake.next(refusal)
    const request = chatRequest({ options: { maxTokens: 100_000, temperature: undefined, reasoningEffort: '' } })
    const got = await collect(chat(connectionTo(fake.base, { type }), request, options))
    expect(doneOf(got).content).toBe(text)
    expect(fake.requests.map(({ body }) => body['max_tokens'])).toEqual([100_000, 4096])
    fake.next(refusal, refusal)
    const again = await collect(chat(connectionTo(fake.base, { type }), request, options))
    expect(errorOf(again).code).toBe('INVALID_REQUEST')
    expect(fake.requests).toHaveLength(4)
  })
})
