/** A call that nobody waits for any more ends upstream at once. */
import { MeshError } from '@clawmesh/contracts'
import { getEventListeners } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { chat } from '../src/chat/chat.ts'
import { fakeAnthropic } from '../../../test/fakes/anthropic.ts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import { chatRequest, collect, connectionTo, errorOf, testOptions } from './support.ts'
import { until } from '../../../test/support/eventually.ts'

describe.each([
  { type: 'openai_compat', start: fakeOpenAi },
  { type: 'anthropic_native', start: fakeAnthropic },
])('cancelling a call to $type', ({ type, start }) => {
  let fake: FakeUpstream
  let options: ReturnType<typeof testOptions>
  beforeEach(async () => {
    fake = await start({ text: 'word '.repeat(200), chunks: 200, chunkDelayMs: 10 })
    options = testOptions()
  })
  afterEach(async () => {
    await options.fetcher.destroy()
    await fake.close()
  })

  it('closes the upstream connection when the signal is aborted in mid-stream', async () => {
    const abort = new AbortController()
    const events = chat(connectionTo(fake.base, { type }), chatRequest(), { ...options, signal: abort.signal })
    let seen = 0
    const run = collect(
      (async function* () {
        for await (const event of events) {
          if (++seen === 10) abort.abort()
          yield event
        }
      })(),
    )
    const got = await run
    expect([errorOf(got).code, errorOf(got).key]).toEqual(['CANCELLED', 'error.cancelled'])
    await until(() => fake.aborted === 1 && fake.sockets === 0)
  })

  it('closes the upstream connection when the consumer leaves the loop', async () => {
    for await (const { event } of chat(connectionTo(fake.base, { type }), chatRequest(), options))
      if (event?.$case === 'textDelta') break
    await until(() => fake.aborted === 1 && fake.sockets === 0)
  })

  it('ends a wait for an answer that has not begun', async () => {
    fake.next({ fault: 'silence' })
    const abort = new AbortController()
    const run = collect(chat(connectionTo(fake.base, { type }), chatRequest(), { ...options, signal: abort.signal }))
    await until(() => fake.requests.length === 1)
    abort.abort()
    expect(errorOf(await run).code).toBe('CANCELLED')
    await until(() => fake.sockets === 0)
  })

  it('ends the pause before another try', async () => {
    fake.next({ status: 429, headers: { 'retry-after': '20' } })
    const abort = new AbortController()
    const events = chat(connectionTo(fake.base, { type }), chatRequest(), { ...options, signal: abort.signal })
    setTimeout(() => abort.abort(), 100)
    expect(errorOf(await collect(events)).code).toBe('CANCELLED')
    expect(fake.requests).toHaveLength(1)
  })

  it('leaves no listener on the signal of a call that is over', async () => {
    const { signal } = new AbortController()
    fake.next({ text: 'short' }, { status: 400 }, { status: 500 }, { text: 'short' })
    for (let n = 0; n < 3; n++)
      await collect(chat(connectionTo(fake.base, { type }), chatRequest(), { ...options, signal }))
    expect(fake.requests).toHaveLength(4)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('asks nothing when the signal was aborted before', async () => {
    const got = await collect(
      chat(connectionTo(fake.base, { type }), chatRequest(), { ...options, signal: AbortSignal.abort() }),
    )
    expect(errorOf(got).code).toBe('CANCELLED')
    expect(fake.requests).toHaveLength(0)
  })

  it('reports a deadline as a timeout and a MeshError reason as itself', async () => {
    fake.rule = () => ({ fault: 'silence' })
    const late = await collect(
      chat(connectionTo(fake.base, { type }), chatRequest(), { ...options, signal: AbortSignal.timeout(50) }),
    )
    expect(errorOf(late).code).toBe('AGENT_TIMEOUT')
    const reason = new MeshError('UNAVAILABLE', 'error.shutting_down')
    const reported = await collect(
      chat(connectionTo(fake.base, { type }), chatRequest(), { ...options, signal: AbortSignal.abort(reason) }),
    )
    expect(reported.error).toBe(reason)
  })
})

describe('connecting', () => {
  it('has a timeout of its own, and is tried again', async () => {
    // A full backlog: connections are neither taken nor refused.
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const options = testOptions({ timeouts: { connectMs: 100 } })
    const hanging = {
      ...options,
      fetcher: options.fetcher.compose(() => (_request, _handler) => true),
    }
    const got = await collect(chat(connectionTo(`http://127.0.0.1:${port}`), chatRequest(), hanging))
    expect(errorOf(got).code).toBe('AGENT_TIMEOUT')
    expect(got.retries).toHaveLength(2)
    await options.fetcher.destroy()
    server.close()
  })

  it('passes the refusal of a guarded dispatcher on as it is', async () => {
    const options = testOptions()
    const refusal = new MeshError('INVALID_REQUEST', 'error.url_blocked', { reason: 'private address' })
    const guarded = options.fetcher.compose(() => (_request, handler) => {
      handler.onResponseError?.(undefined as never, Object.assign(new Error('connect', { cause: refusal })))
      return true
    })
    const got = await collect(chat(connectionTo('http://10.0.0.1'), chatRequest(), { ...options, fetcher: guarded }))
    expect(got.error).toBe(refusal)
    expect(got.retries).toEqual([])
    await options.fetcher.destroy()
  })
})
