/** The `claude` program as a provider, against a real process that behaves and misbehaves like it. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { newId } from '@clawmesh/chassis'
import { chat } from '../src/chat/chat.ts'
import type { CallOptions } from '../src/chat/protocols/options.ts'
import { createAcpSessions } from '../src/programs/acp-sessions.ts'
import { claudeSessionId } from '../src/programs/claude-cli.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { isAlive } from '../../../test/support/is-alive.ts'
import { chatRequest, collect, connectionTo, doneOf, errorOf, message, testOptions } from './support.ts'

const tenantA = newId()

const program = fileURLToPath(new URL('../../../test/fakes/claude-cli.mjs', import.meta.url))
const options = testOptions()
const acp = createAcpSessions()
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'claude-cli-'))
  process.env['CLAUDE_FAKE_SETTING'] = 'of who started us'
  process.env['SOME_SECRET'] = 'of the mesh'
})
afterAll(async () => {
  delete process.env['CLAUDE_FAKE_SETTING']
  delete process.env['SOME_SECRET']
  await options.fetcher.destroy()
  await rm(dir, { recursive: true, force: true })
})

const routing = (affinity: string) => ({
  fallbacks: [],
  forbidsFallbacks: false,
  continuesAnswers: false,
  affinity,
})
const connection = connectionTo(program, { type: 'claude_cli', apiKey: '' })
const call = (text: string, fields: Partial<ChatRequest> = {}, more: Partial<CallOptions> = {}) =>
  chat(
    connection,
    chatRequest({ model: 'sonnet', messages: [message('system', 'Be kind.'), message('user', text)], ...fields }),
    { ...options, programs: { dir, tenantId: tenantA, sessions: acp }, ...more },
  )
const ask = (...given: Parameters<typeof call>) => collect(call(...given))
const sessions = () => readdir(join(dir, 'claude-cli', tenantA)).catch(() => [])
it('streams an answer, with its usage: what came of a cache is part of the input', async () => {
  const got = await ask('hello')
  expect([got.text, doneOf(got).content]).toEqual(['You said: hello', 'You said: hello'])
  expect(doneOf(got)).toMatchObject({
    finishReason: 'stop',
    usage: { inputTokens: 10, outputTokens: 5, cacheReadTokens: 7, cacheCreationTokens: 0 },
  })
  expect((await ask('hello', { stream: false })).text).toBe('')
})

it('goes on with a session, one call after the other, and keeps those of two tenants apart', async () => {
  const inSession = { routing: routing('agent:a:alice') }
  await ask('first', inSession)
  await Promise.all([ask('second', inSession), ask('third', inSession)])
  const known = async (tenantId: string) => {
    const got = await ask('what do you know?', inSession, { programs: { dir, tenantId, sessions: acp } })
    return JSON.parse(doneOf(got).content) as { earlier: string[]; system: string; leaked: string[]; args: string[] }
  }
  expect((await known(tenantA)).earlier).toEqual(['first', 'second', 'third'])
  expect((await known(newId())).earlier).toEqual([])
})

it('is told what was said without it, before it came and while another provider answered', async () => {
  const talk: string[] = ['I am Ann', 'Hello Ann']
  const say = async (text: string) => {
    talk.push(text)
    const messages = talk.map((said, at) => message(at % 2 === 0 ? 'user' : 'assistant', said))
    const got = await ask('', { messages, routing: routing('agent:a:ann') })
    talk.push(doneOf(got).content)
    return doneOf(got).content
  }
  const earlier = 'You said: Earlier in this conversation:\n\n'
  expect(await say('one')).toBe(`${earlier}user: I am Ann\n\nassistant: Hello Ann\n\n one`)
  expect(await say('two')).toBe('You said: two')
  talk.push('What is 6 x 7?', '42')
  expect(await say('three')).toBe(`${earlier}user: What is 6 x 7?\n\nassistant: 42\n\n three`)
  expect(await say('four')).toBe('You said: four')
})

it('goes on with a session that an earlier release has begun', async () => {
  const inSession = { routing: routing('agent:a:old') }
  await ask('first', inSession)
  await writeFile(join(dir, 'claude-cli', tenantA, claudeSessionId(tenantA, 'agent:a:old'), '.begun'), '')
  const messages = [message('user', 'first'), message('assistant', 'so'), message('user', 'and?')]
  expect(doneOf(await ask('', { ...inSession, messages })).content).toBe('You said: and?')
})

it('finds a conversation again that was begun by an earlier release', () => {
  expect(claudeSessionId('0190a8f0-0000-7000-8000-000000000001', 'agent:a:alice')).toBe(
    'cd049409-a795-8e41-8ee7-b2a6256fdec5',
  )
})

it('of two calls that begin a session at once the second goes on with it', async () => {
  const inSession = { routing: routing('agent:a:bob') }
  await Promise.all([ask('first', inSession), ask('second', inSession)])
  const { earlier } = JSON.parse(doneOf(await ask('what do you know?', inSession)).content) as { earlier: string[] }
  expect(earlier).toEqual(['first', 'second'])
})

it('is shown the system prompt and what was said last, and neither secrets nor settings of who started us', async () => {
  const { system, leaked, args } = JSON.parse(doneOf(await ask('what do you know?')).content) as Record<
    string,
    string[]
  >
  expect([system, leaked]).toEqual(['Be kind.', []])
  expect(args).not.toContain('what do you know?')
  expect(args).not.toContain('bypassPermissions')
  expect(args![args!.indexOf('--disallowedTools') + 1]).toContain('Bash')
})

it('leaves nothing of a call that belongs to no session', async () => {
  const before = await sessions()
  await ask('hello')
  expect(await sessions()).toEqual(before)
})

it.each([
  { said: 'hang', key: 'error.provider_timeout' },
  { said: 'garble', key: 'error.stream_cut' },
  { said: 'die', key: 'error.provider_request_failed' },
  { said: 'break', key: 'error.provider_request_failed' },
  { said: 'error', key: 'error.provider_request_failed' },
  { said: 'flood', key: 'error.provider_request_failed' },
])('makes an error of a program that does $said', async ({ said, key }) => {
  const got = await ask(said, {}, { timeouts: { firstTokenMs: 20_000, idleMs: said === 'hang' ? 500 : 20_000 } })
  expect([errorOf(got).key, got.done]).toEqual([key, []])
})

it('ends a program that ignores being asked to, and its children, when the caller leaves', async () => {
  const leaving = new AbortController()
  const pids: number[] = []
  const got = await collect(
    (async function* () {
      for await (const response of call('stubborn', {}, { signal: leaving.signal })) {
        if (response.event?.$case === 'textDelta') {
          pids.push(...response.event.value.split(' ').map(Number))
          leaving.abort()
        }
        yield response
      }
    })(),
  )
  expect([errorOf(got).code, pids.length]).toEqual(['CANCELLED', 2])
  await eventually('both are gone', async () => pids.every((pid) => !isAlive(pid)))
})

it('runs nothing where the operator lets no programs run, and takes no parameter that it cannot honour', async () => {
  expect(errorOf(await ask('hello', {}, { programs: undefined })).key).toBe('error.url_blocked')
  const sampling = {
    stop: [],
    topP: 0.5,
    seed: undefined,
    presencePenalty: undefined,
    frequencyPenalty: undefined,
    responseFormat: undefined,
    parallelToolCalls: undefined,
    logitBias: {},
    toolChoice: undefined,
  }
  expect(errorOf(await ask('hello', { sampling })).code).toBe('UNSUPPORTED_PARAMETER')
})

it('says which program is missing', async () => {
  const missing = connectionTo('/nowhere/claude', { type: 'claude_cli' })
  const got = await collect(
    chat(missing, chatRequest({ model: 'opus' }), { ...options, programs: { dir, tenantId: tenantA, sessions: acp } }),
  )
  expect(errorOf(got).message).toContain('program not found')
})
