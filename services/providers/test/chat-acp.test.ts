/** Programs of the Agent Client Protocol as providers, against a real process that behaves and misbehaves like one. */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { newId } from '@clawmesh/chassis'
import { chat } from '../src/chat/chat.ts'
import type { CallOptions } from '../src/chat/protocols/options.ts'
import { idleTime } from '../src/programs/acp.ts'
import { createAcpSessions } from '../src/programs/acp-sessions.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { isAlive } from '../../../test/support/is-alive.ts'
import { chatRequest, collect, connectionTo, doneOf, errorOf, message, testOptions } from './support.ts'

const program = fileURLToPath(new URL('../../../test/fakes/acp-program.mjs', import.meta.url))
const tenantId = newId()
const options = testOptions()
const sessions = createAcpSessions()
let dir: string
let folder: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'acp-'))
  folder = join(dir, 'work')
  await mkdir(folder)
  await writeFile(join(dir, 'secret.txt'), 'not for you')
  await writeFile(join(folder, 'notes.txt'), 'one\ntwo\nthree\n')
  await symlink(dir, join(folder, 'way-out'))
  process.env['SOME_SECRET'] = 'of the mesh'
})
afterAll(async () => {
  delete process.env['SOME_SECRET']
  await sessions.stop()
  await options.fetcher.destroy()
  await rm(dir, { recursive: true, force: true })
})

interface Asked {
  /** Its conversation; without one nobody comes back. */
  session?: string
  settings?: Record<string, unknown>
  request?: Partial<ChatRequest>
  more?: Partial<CallOptions>
}

const routing = (affinity: string) => ({ fallbacks: [], forbidsFallbacks: false, continuesAnswers: false, affinity })
const call = (text: string, { session = '', settings = {}, request = {}, more = {} }: Asked = {}) =>
  chat(
    connectionTo(program, { type: 'acp', apiKey: '', settings: { work_dir: folder, ...settings } }),
    chatRequest({
      model: '',
      messages: [message('system', 'Be kind.'), message('user', text)],
      routing: routing(session),
      ...request,
    }),
    { ...options, programs: { dir, tenantId, sessions }, ...more },
  )
const ask = (...given: Parameters<typeof call>) => collect(call(...given))
const answerTo = async (...given: Parameters<typeof call>) => doneOf(await ask(...given)).content

interface Heard {
  heard: string[]
  blocks: string[]
  pid: number
  env: string[]
}
const heardIn = async (session: string, given: Asked = {}) =>
  JSON.parse(await answerTo('heard', { ...given, session })) as Heard

it('streams an answer and what was thought, without usage, which it does not tell', async () => {
  const got = await ask('hello')
  expect([got.text, got.thinking]).toEqual(['You said: hello', 'hm'])
  expect(doneOf(got)).toMatchObject({
    content: 'You said: hello',
    finishReason: 'stop',
    model: 'test-provider',
    usage: { inputTokens: 0, outputTokens: 0 },
  })
  expect((await ask('hello', { request: { stream: false } })).text).toBe('')
  expect(doneOf(await ask('full')).finishReason).toBe('length')
})

it('keeps one program for a session, tells it the system prompt once and what is said last', async () => {
  const session = randomUUID()
  await ask('first', { session })
  await Promise.all([ask('second', { session }), ask('third', { session })])
  const known = await heardIn(session)
  expect([known.heard, known.blocks]).toEqual([['first', 'second', 'third'], ['heard']])
  const other = await heardIn(randomUUID())
  expect([other.heard, other.blocks]).toEqual([[], ['Be kind.\n\n', 'heard']])
  expect(other.pid).not.toBe(known.pid)
  expect(known.env).not.toContain('SOME_SECRET')
})

it('is started anew once it has crashed or its settings change, and is told what was said before', async () => {
  const session = randomUUID()
  const messages = [message('user', 'I am Ann'), message('assistant', 'Hello Ann'), message('user', 'heard')]
  const before = await heardIn(session)
  expect(errorOf(await ask('die', { session })).message).toContain('out of memory')
  const after = await heardIn(session, { request: { messages } })
  expect(after.pid).not.toBe(before.pid)
  expect(after.blocks[0]).toBe('Earlier in this conversation:\n\nuser: I am Ann\n\nassistant: Hello Ann\n\n')
  const changed = await heardIn(session, { settings: { perm_mode: 'deny-all' } })
  expect(changed.pid).not.toBe(after.pid)
  await eventually('the one before is gone', async () => !isAlive(after.pid))
})

it('is started anew once the conversation went on without it, and is told what it has missed', async () => {
  const session = randomUUID()
  const heardAfter = (...earlier: string[]) =>
    heardIn(session, {
      request: {
        messages: [...earlier, 'heard'].map((text, at) => message(at % 2 === 0 ? 'user' : 'assistant', text)),
      },
    })
  const first = await heardIn(session)
  const second = await heardAfter('heard', 'so far')
  expect([second.pid, second.blocks]).toEqual([first.pid, ['heard']])
  const missed = ['heard', 'so far', 'I am Ann', 'Hello Ann']
  const third = await heardAfter(...missed)
  expect(third.pid).not.toBe(first.pid)
  expect(third.blocks[0]).toContain('user: I am Ann\n\nassistant: Hello Ann')
  expect((await heardAfter(...missed, 'heard', 'so far')).pid).toBe(third.pid)
})

it('shows images to programs that take them, and says that there are some to others', async () => {
  const image = { mimeType: 'image/png', data: Buffer.from('png') }
  const parts = [{ part: { $case: 'image' as const, value: image } }]
  const request = { messages: [message('user', '', { parts })] }
  expect(await answerTo('', { request, settings: { args: ['--images'] } })).toContain('[image image/png]')
  expect(await answerTo('', { request })).toContain('an image, image/png, that cannot be shown')
})

describe('files', () => {
  it('of its folder are read, whole or by the line, and written', async () => {
    expect(await answerTo(`read ${folder}/notes.txt`)).toBe('{"content":"one\\ntwo\\nthree\\n"}')
    expect(await answerTo(`read ${folder}/notes.txt {"line":2,"limit":1}`)).toBe('{"content":"two"}')
    expect(await answerTo(`write ${folder}/new/file.txt some words`)).toBe('{}')
    expect(await readFile(join(folder, 'new/file.txt'), 'utf8')).toBe('some words')
  })

  it.each(['/etc/passwd', '../secret.txt', 'way-out/secret.txt', 'way-out/new.txt', 'new/../../secret.txt'])(
    'outside of it are out of reach: %s',
    async (path) => {
      for (const deed of ['read', 'write'])
        expect(await answerTo(`${deed} ${path} {}`)).toBe('refused: the path must be inside the folder')
      expect(await readFile(join(dir, 'secret.txt'), 'utf8')).toBe('not for you')
    },
  )
})

describe('commands', () => {
  it('run in its folder; the end of what they say is kept, whole characters only', async () => {
    expect(JSON.parse(await answerTo('run cat notes.txt; exit 3'))).toEqual({
      exit: { exitCode: 3, signal: null },
      output: { output: 'one\ntwo\nthree\n', truncated: false, exitStatus: { exitCode: 3, signal: null } },
    })
    const { output } = JSON.parse(await answerTo('run printf "ä%.0s" $(seq 15); echo end')) as {
      output: { output: string; truncated: boolean }
    }
    expect(output).toMatchObject({ output: `${'ä'.repeat(8)}end\n`, truncated: true })
  })

  it('end with the program', async () => {
    const leaving = new AbortController()
    const marker = `87${process.pid}`
    const running = ask(`run echo $$ > pid; exec sleep ${marker}`, { more: { signal: leaving.signal } })
    const pid = async () => Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => '0'))
    await eventually('it runs', async () => (await pid()) > 0)
    leaving.abort()
    expect(errorOf(await running).code).toBe('CANCELLED')
    await eventually('it is gone', async () => !isAlive(await pid()))
  })
})

it.each([
  ['approve-all', 'allow_once', 'allow_once', true, true],
  ['approve-reads', 'allow_once', 'reject_once', true, false],
  ['deny-all', 'reject_once', 'reject_once', false, false],
  ['a word that is none', 'reject_once', 'reject_once', false, false],
])('with permissions %s a look is answered %s and an edit %s', async (perm_mode, look, edit, reads, writes) => {
  const session = randomUUID()
  const given = { session, settings: { perm_mode } }
  expect(await answerTo('may read', given)).toContain(`"optionId":"${look}"`)
  expect(await answerTo('may edit', given)).toContain(`"optionId":"${edit}"`)
  const refused = 'refused: not permitted'
  expect((await answerTo('read notes.txt', given)) !== refused).toBe(reads)
  expect((await answerTo('write w.txt x', given)) !== refused).toBe(writes)
  expect((await answerTo('run true', given)) !== refused).toBe(writes)
})

it('is told that there is no such method', async () => {
  expect(await answerTo('unknown')).toBe('refused: method not found')
})

it.each([
  { said: 'hang', key: 'error.provider_timeout' },
  { said: 'garble', key: 'error.stream_cut' },
  { said: 'die', key: 'error.provider_request_failed' },
  { said: 'flood', key: 'error.provider_request_failed' },
])('makes an error of a program that does $said, and leaves nothing of it', async ({ said, key }) => {
  const session = randomUUID()
  const { pid } = await heardIn(session)
  const timeouts = { firstTokenMs: said === 'hang' ? 1_000 : 20_000, idleMs: 20_000 }
  const got = await ask(said, { session, more: { timeouts } })
  expect([errorOf(got).key, got.done]).toEqual([key, []])
  await eventually('it is gone', async () => !isAlive(pid))
})

const leaveAfterFirst = async (said: string, session: string): Promise<string> => {
  const leaving = new AbortController()
  let heard = ''
  const got = await collect(
    (async function* () {
      for await (const response of call(said, { session, more: { signal: leaving.signal } })) {
        if (response.event?.$case === 'textDelta') {
          heard = response.event.value
          leaving.abort()
        }
        yield response
      }
    })(),
  )
  expect(errorOf(got).code).toBe('CANCELLED')
  return heard
}

it('calls a turn off when its caller leaves, and goes on with the same program', async () => {
  const session = randomUUID()
  const { pid } = await heardIn(session)
  expect(await leaveAfterFirst('slow', session)).toBe('one moment')
  expect((await heardIn(session)).pid).toBe(pid)
})

it('says nothing for a caller that leaves before its turn has come, and does not let it wait', async () => {
  const session = randomUUID()
  const [first, second] = [new AbortController(), new AbortController()]
  const slow = ask('slow', { session, more: { signal: first.signal } })
  const waiting = ask('too late', { session, more: { signal: second.signal } })
  second.abort()
  expect(errorOf(await waiting).code).toBe('CANCELLED')
  first.abort()
  expect(errorOf(await slow).code).toBe('CANCELLED')
  expect((await heardIn(session)).heard).not.toContain('too late')
  const gone = AbortSignal.abort()
  const folders = join(dir, 'acp-workspaces')
  expect(errorOf(await ask('hello', { settings: { work_dir: '' }, more: { signal: gone } })).code).toBe('CANCELLED')
  await expect(readdir(folders)).rejects.toThrow('ENOENT')
})

it('ends a program that does not call off its turn, and its children, even if they ignore being asked to', async () => {
  const pids = (await leaveAfterFirst('stubborn', randomUUID())).split(' ').map(Number)
  expect(pids).toHaveLength(2)
  await eventually('both are gone', async () => pids.every((pid) => !isAlive(pid)))
})

it('is ended once it was idle for long enough', async () => {
  const { pid } = await heardIn(randomUUID(), { settings: { idle_ttl: '1s' } })
  await eventually('it is gone', async () => !isAlive(pid))
})

it('runs nothing where the operator lets no programs run, and takes no parameter that it cannot honour', async () => {
  expect(errorOf(await ask('hello', { more: { programs: undefined } })).key).toBe('error.url_blocked')
  const sampling = {
    ...{ stop: [], topP: 0.5, seed: undefined, presencePenalty: undefined, frequencyPenalty: undefined },
    ...{ responseFormat: undefined, parallelToolCalls: undefined, logitBias: {}, toolChoice: undefined },
  }
  expect(errorOf(await ask('hello', { request: { sampling } })).code).toBe('UNSUPPORTED_PARAMETER')
})

it.each([
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1_500],
  ['1ms', 1_000],
  ['9999h', 86_400_000],
  ['soon', 300_000],
  [undefined, 300_000],
])('an idle time of %s is %d ms', (setting, ms) => {
  expect(idleTime(setting)).toBe(ms)
})
