/** Streams that a client loses and takes up again; across replicas and deaths in test/e2e. */
import { randomUUID } from 'node:crypto'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { done, echo, startAgents, text, type AgentsUnderTest, type Script } from './stand-ins.ts'

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())
beforeEach(() => {
  agents.model = echo
})

const newCaller = () => testCaller({ role: 'operator', userId: 'alice' })
const body = { model: 'goclaw:default', stream: true, messages: [{ role: 'user', content: 'hello' }] }
const resumable = { 'x-clawmesh-resumable': 'true' }
const stream = async (caller: Caller, headers: Record<string, string>, further: object = {}) => {
  const { status, body: answer } = await agents.request<any>(
    caller,
    'POST',
    '/v1/chat/completions',
    { ...body, ...further },
    headers,
  )
  return { status, ...framesIn(String(answer)) }
}
const framesIn = (answer: string) => {
  const frames = answer.split('\n\n').filter((frame) => frame.includes('data: '))
  const ids = frames.map((frame) => /^id: (.*)$/m.exec(frame)?.[1])
  const data = frames.map((frame) => frame.slice(frame.indexOf('data: ') + 6))
  const chunks = data.filter((each) => each.startsWith('{')).map((each) => JSON.parse(each))
  return {
    ids,
    data,
    content: chunks.map((chunk) => chunk.choices?.[0]?.delta?.content ?? '').join(''),
    finish: chunks.map((chunk) => chunk.choices?.[0]?.finish_reason).find((reason) => reason != null),
    error: chunks.find((chunk) => chunk.error !== undefined)?.error,
  }
}

/** A model that waits between its words until it is told to go on. */
const spokenModel = () => {
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>())
  let wasCancelled = false
  const model: Script = async function* (_request, { signal }) {
    signal.addEventListener('abort', () => (wasCancelled = true), { once: true })
    const gone = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(new MeshError('CANCELLED', 'error.cancelled')), { once: true }),
    )
    gone.catch(() => undefined)
    for (const [at, gate] of gates.entries()) {
      await Promise.race([gate.promise, gone])
      yield text(`word${at} `)
    }
    yield done({ content: 'word0 word1 word2 ' })
  }
  return { model, say: (at: number) => gates[at]!.resolve(), wasCancelled: () => wasCancelled }
}

/** Begins a stream and leaves it once the first word has come. Gives the id of the last frame. */
const leaveAfterFirstWord = async (
  caller: Caller,
  spoken: ReturnType<typeof spokenModel>,
  headers: object = resumable,
) => {
  agents.model = spoken.model
  const left = new AbortController()
  let heard = ''
  const reading = agents.requestAborting(caller, 'POST', '/v1/chat/completions', body, {
    signal: left.signal,
    headers,
    heard: (piece) => (heard += piece),
  })
  spoken.say(0)
  await eventually('the first word', async () => heard.includes('word0'))
  left.abort()
  await reading
  return framesIn(heard).ids.at(-1)!
}

rule('createChatCompletion.resumesStreams', async () => {
  const caller = newCaller()
  const spoken = spokenModel()
  const lastId = await leaveAfterFirstWord(caller, spoken)
  expect(lastId).toMatch(/^[0-9a-f-]{36}\/5$/)
  spoken.say(1)
  let heard = ''
  const reading = agents.requestAborting(
    caller,
    'POST',
    '/v1/chat/completions',
    { ...body, stream_options: { include_usage: true } },
    { signal: new AbortController().signal, headers: { 'last-event-id': lastId }, heard: (piece) => (heard += piece) },
  )
  // It follows the run, which has not ended yet.
  await eventually('the second word', async () => heard.includes('word1'))
  spoken.say(2)
  await reading
  const resumed = framesIn(heard)
  expect(resumed).toMatchObject({ content: ' word1 word2', finish: 'stop' })
  expect(resumed.data.at(-1)).toBe('[DONE]')
  expect(resumed.data.at(-2)).toContain('"usage":{"prompt_tokens":10')

  // What has ended by now is taken from what is stored.
  const ended = await stream(caller, { 'last-event-id': lastId })
  expect(ended).toMatchObject({ content: ' word1 word2', finish: 'stop' })
  const runId = lastId.split('/')[0]!
  expect(await stream(caller, { 'last-event-id': `${runId}/0` })).toMatchObject({ content: 'word0 word1 word2' })
  const behind = resumed.ids.findLast((id) => id !== undefined)!
  expect(await stream(caller, { 'last-event-id': behind })).toMatchObject({ content: '', finish: 'stop' })

  const whole = await stream(caller, resumable)
  expect(whole.ids[0]).toMatch(/\/0$/)
  expect(new Set(whole.ids.map((id) => id!.split('/')[0])).size).toBe(1)
  expect((await stream(caller, {})).ids).toEqual(expect.arrayContaining([undefined]))
})

test('a run that fails is told with its own status before anything was said, and in the stream after that', async () => {
  const caller = newCaller()
  agents.model = async function* () {
    throw new MeshError(
      'RESOURCE_EXHAUSTED',
      'error.provider_rate_limit',
      { provider: 'fake' },
      { retryAfterMs: 7_000 },
    )
  }
  expect((await stream(caller, resumable)).status).toBe(429)
  agents.model = async function* () {
    yield text('half')
    throw new MeshError('UNAVAILABLE', 'error.stream_cut', { provider: 'fake' })
  }
  const cut = await stream(caller, resumable)
  expect(cut).toMatchObject({ status: 200, content: 'half', error: { code: 'UNAVAILABLE' } })
  expect(await stream(caller, { 'last-event-id': cut.ids[0]! })).toMatchObject({
    content: 'half',
    error: expect.anything(),
  })
})

const goesOnForAGrace = async (graceMs: number) => {
  const caller = newCaller()
  const left = spokenModel()
  const lastId = await leaveAfterFirstWord(caller, left)
  await eventually('the end of the grace', async () => left.wasCancelled())
  expect(await stream(caller, { 'last-event-id': lastId })).toMatchObject({ status: 412 })

  // Who follows is waited for longer than that.
  const followed = spokenModel()
  agents.model = followed.model
  const whole = stream(caller, resumable)
  followed.say(0)
  await new Promise((resolve) => setTimeout(resolve, 2 * graceMs))
  for (const at of [1, 2]) followed.say(at)
  expect(await whole).toMatchObject({ content: 'word0 word1 word2', finish: 'stop' })

  const ordinary = spokenModel()
  await leaveAfterFirstWord(caller, ordinary, {})
  await eventually('the cancellation', async () => ordinary.wasCancelled())
}

rule('createChatCompletion.goesOnForAGrace', async () => {
  const usual = agents
  const graceMs = 600
  agents = await startAgents({ CLAWMESH_RESUME_GRACE_MS: String(graceMs) })
  try {
    await goesOnForAGrace(graceMs)
  } finally {
    await agents.stop()
    agents = usual
  }
})

rule('createChatCompletion.refusesBadResumption', async () => {
  const caller = newCaller()
  const { ids } = await stream(caller, resumable)
  for (const id of ['nonsense', '12', `${randomUUID()}/-1`])
    expect((await stream(caller, { 'last-event-id': id })).status).toBe(400)
  expect((await stream(caller, { 'last-event-id': `${randomUUID()}/0` })).status).toBe(404)
  expect((await stream(newCaller(), { 'last-event-id': ids[0]! })).status).toBe(404)
  expect((await stream({ ...caller, userId: 'bob' }, { 'last-event-id': ids[0]! })).status).toBe(403)
  const admin = { ...caller, userId: 'carol', role: 'admin' as const }
  expect((await stream(admin, { 'last-event-id': ids[0]! })).status).toBe(200)
  const tools = [{ type: 'function', function: { name: 'mine', parameters: { type: 'object' } } }]
  expect((await stream(caller, resumable, { tools })).status).toBe(400)
})
