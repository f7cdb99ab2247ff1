/** What somebody meets who has just cloned the repository: `clawmesh start`, its banner, and the other commands. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startEmptyPglite, type PgliteProcess } from '../support/pglite.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { dependencyUrl } from '../support/dependencies.ts'
import { startAll, type AllInOne } from '../support/mesh-all.ts'
import { sessionOf, type SessionMessage } from '../support/mesh-api.ts'
import { reservePort } from '../support/mesh-ports.ts'
import { runClawmesh } from '../support/mesh-process.ts'

const run = promisify(execFile)
const startLimitMs = 300_000
/** What only programmers want to see. */
const stackTrace = /\n\s+at /

let dataDir: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'clawmesh-first-'))
})
afterAll(() => rm(dataDir, { recursive: true, force: true }))

/** The command that the banner tells people to paste, all its lines. */
const curlOf = (banner: string): string => {
  const command = /^curl (?:.*\\\n)*.*$/m.exec(banner)?.[0]
  if (command === undefined) throw new Error(`no curl in\n${banner}`)
  return command
}

interface Chunk {
  choices: { delta: { content?: string }; finish_reason: string | null }[]
}

/** Pastes it into a shell. */
const paste = async (command: string, env: Record<string, string> = {}): Promise<string> =>
  (await run('sh', ['-c', command], { env: { PATH: process.env['PATH'], ...env }, timeout: 120_000 })).stdout

const chunksOf = (stream: string): { chunks: Chunk[]; last: string | undefined } => {
  const data = stream
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice('data: '.length))
  return {
    chunks: data.filter((line) => line !== '[DONE]').map((line) => JSON.parse(line) as Chunk),
    last: data.at(-1),
  }
}

const expectAnswer = (stream: string): void => {
  const { chunks, last } = chunksOf(stream)
  expect(last).toBe('[DONE]')
  const pieces = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').filter((piece) => piece !== '')
  expect(pieces.length).toBeGreaterThan(1)
  expect(pieces.join('')).toContain('Hello, who are you?')
  expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe('stop')
}

describe('start --target all', () => {
  const session = 'agent:keeper:first'
  const token = 'a token of our own'
  let all: AllInOne | undefined

  const messagesOf = async (running: AllInOne, userId = 'system'): Promise<SessionMessage[]> =>
    (await sessionOf(running.api(userId), session)).messages
  const wake = (running: AllInOne, message: string, userId = 'system') =>
    running.api(userId).need('POST', '/v1/agents/keeper/wake', { message, session_key: session })

  beforeAll(async () => {
    all = await startAll({ dataDir })
  }, startLimitMs)
  afterAll(() => all?.stop())

  test('says where it is, who may enter, and a command that streams an answer of the default agent', async () => {
    const banner = all!.output()
    expect(banner).toContain(all!.url)
    expect(banner).toContain('No GOCLAW_GATEWAY_TOKEN is set')
    const command = curlOf(banner)
    expect(command).toContain(`:${all!.port}/v1/chat/completions`)
    expectAnswer(await paste(command))
  })

  test('keeps its data below the data folder, readable by their owner alone', async () => {
    expect(await readdir(dataDir)).toEqual(expect.arrayContaining(['database', 'encryption.key', 'mesh.key']))
    const { stdout } = await run('find', [dataDir, '-maxdepth', '1', '-name', '*.key', '-perm', '/077'])
    expect(stdout).toBe('')
  })

  test(
    'agents, sessions and sealed provider keys survive a kill -9',
    async () => {
      await all!.api('system').need('POST', '/v1/agents', { agent_key: 'keeper', model: 'mock', provider: 'mock' })
      await all!.api('system').need('POST', '/v1/providers', {
        name: 'sealed',
        provider_type: 'openai_compat',
        api_base: 'https://api.example.com/v1',
        api_key: 'sk-sealed',
        enabled: false,
      })
      await wake(all!, 'remember me')
      expect(await all!.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })

      all = await startAll({ dataDir })
      expect((await messagesOf(all)).map(({ role }) => role)).toEqual(['user', 'assistant'])
      await wake(all, 'and me')
      expect((await messagesOf(all)).map(({ content }) => content)).toEqual(
        expect.arrayContaining(['remember me', 'and me']),
      )
      const { providers } = await all
        .api('system')
        .need<{ providers: { name: string; api_key?: string }[] }>('GET', '/v1/providers')
      expect(providers).toEqual([expect.objectContaining({ name: 'sealed', api_key: '***' })])
    },
    startLimitMs,
  )

  test(
    'a second process on the same data is refused, and the first one does not mind',
    async () => {
      const { code, stderr, stdout } = await runClawmesh(['start'], {
        CLAWMESH_DATA_DIR: dataDir,
        GOCLAW_PORT: String(await reservePort()),
      })
      expect(code).toBe(1)
      expect(stderr + stdout).toContain(dataDir)
      expect(stderr + stdout).not.toMatch(stackTrace)
      expect((await messagesOf(all!)).length).toBe(4)
    },
    startLimitMs,
  )

  test(
    'a port that is taken is named, with the way out',
    async () => {
      const otherDir = await mkdtemp(join(tmpdir(), 'clawmesh-other-'))
      const { code, stderr } = await runClawmesh(['start', '--target', 'gateway'], {
        CLAWMESH_DATA_DIR: otherDir,
        CLAWMESH_HTTP_PORT: '0',
        CLAWMESH_GRPC_PORT: '0',
        CLAWMESH_MESH_SECRET: 'a secret that is long enough for a mesh',
        CLAWMESH_ENCRYPTION_KEY: '0'.repeat(64),
        NATS_URL: dependencyUrl('nats'),
        GOCLAW_PORT: String(all!.port),
      })
      await rm(otherDir, { recursive: true, force: true })
      expect(code).toBe(1)
      expect(stderr).toContain('EADDRINUSE')
      expect(stderr).toContain('GOCLAW_PORT')
    },
    startLimitMs,
  )

  test(
    'data survive an orderly stop, too; with a token set, nobody enters without it',
    async () => {
      expect(await all!.kill('SIGTERM')).toEqual({ code: 0, signal: null })
      const port = await reservePort()
      all = await startAll({ dataDir, env: { GOCLAW_GATEWAY_TOKEN: token, GOCLAW_PORT: String(port) } })
      expect(all.url).toBe(`http://127.0.0.1:${port}`)

      const anonymous = all.api('system').as({ token: '' })
      expect(await anonymous.request('GET', '/v1/agents')).toMatchObject({
        status: 401,
        body: { code: 'UNAUTHORIZED' },
      })
      expect((await anonymous.as({ token: 'another' }).request('GET', '/v1/agents')).status).toBe(401)
      expect((await anonymous.request('GET', '/health')).status).toBe(200)
      expect(await messagesOf(all)).toHaveLength(4)

      expect(all.output()).toContain('Requests need GOCLAW_GATEWAY_TOKEN')
      const command = curlOf(all.output())
      expect(command).not.toContain(token)
      expectAnswer(await paste(command, { GOCLAW_GATEWAY_TOKEN: token }))
    },
    startLimitMs,
  )

  test(
    'SIGINT, which is Ctrl-C, ends it in order',
    async () => {
      expect(await all!.kill('SIGINT')).toEqual({ code: 0, signal: null })
    },
    startLimitMs,
  )
})

describe('an environment that is wrong', () => {
  const faulty = {
    GOCLAW_PORT: 'abc',
    CLAWMESH_LOG_LEVEL: 'loud',
    CLAWMESH_DB_POOL_SIZE: '0',
    CLAWMESH_MESH_SECRET: 'short',
    CLAWMESH_ENCRYPTION_KEY: 'guessable',
    CLAWMESH_AGENTS_HTTP_URL: 'http://agents-1:8080,agents-2',
  }

  test.each([[['start']], [['config', 'verify']]])(
    'is told of all its faults at once by %j, which exits with 1',
    async (args) => {
      const { code, stderr, stdout } = await runClawmesh(args, { ...faulty, CLAWMESH_DATA_DIR: dataDir })
      expect(code).toBe(1)
      for (const variable of Object.keys(faulty)) expect(stderr + stdout).toContain(variable)
      expect(stderr + stdout).not.toMatch(stackTrace)
    },
  )

  test('is told by the doctor, too', async () => {
    const { code, stdout } = await runClawmesh(['doctor'], { ...faulty, CLAWMESH_DATA_DIR: dataDir })
    expect(code).toBe(1)
    for (const variable of Object.keys(faulty)) expect(stdout).toContain(variable)
  })

  test('all that a target lacks to run by itself is named at once', async () => {
    const { code, stderr } = await runClawmesh(['start', '--target', 'agents,gateway'], { CLAWMESH_DATA_DIR: dataDir })
    expect(code).toBe(1)
    for (const variable of ['AGENTS_DATABASE_URL', 'NATS_URL', 'CLAWMESH_MESH_SECRET', 'CLAWMESH_ENCRYPTION_KEY'])
      expect(stderr).toContain(variable)
    expect(stderr).not.toMatch(stackTrace)
  })

  test('a target that does not exist is answered with those that do', async () => {
    const { code, stderr } = await runClawmesh(['start', '--target', 'kitchen'], { CLAWMESH_DATA_DIR: dataDir })
    expect(code).toBe(1)
    expect(stderr).toContain('kitchen')
    expect(stderr).toContain('gateway')
    expect(stderr).not.toMatch(stackTrace)
  })
})

describe('the other commands', () => {
  let database: TestDatabase
  let memory: PgliteProcess
  let env: Record<string, string>

  beforeAll(async () => {
    ;[database, memory] = await Promise.all([createDatabase('commands'), startEmptyPglite()])
    env = {
      CLAWMESH_DATA_DIR: dataDir,
      DATABASE_URL: database.url,
      MEMORY_DATABASE_URL: memory.url,
      NATS_URL: dependencyUrl('nats'),
      REDIS_URL: dependencyUrl('redis'),
    }
  }, startLimitMs)
  afterAll(async () => {
    await memory?.stop()
    await database?.drop()
  })

  test('config verify accepts what is right; config print masks secrets', async () => {
    expect(await runClawmesh(['config', 'verify'], env)).toMatchObject({ code: 0, stdout: 'configuration is valid\n' })
    const printed = await runClawmesh(['config', 'print'], { ...env, GOCLAW_GATEWAY_TOKEN: 'very secret' })
    expect(printed.code).toBe(0)
    expect(printed.stdout).toContain('GOCLAW_PORT=18790')
    expect(printed.stdout).not.toContain('very secret')
  })

  test('doctor finds the embedded set-up well', async () => {
    const { code, stdout } = await runClawmesh(['doctor'], { CLAWMESH_DATA_DIR: dataDir })
    expect(code).toBe(0)
    expect(stdout).not.toContain('WRONG')
  })

  test('doctor names what the databases lack, migrate brings it, and doctor is content', async () => {
    const before = await runClawmesh(['doctor'], env)
    expect(before.code).toBe(1)
    expect(before.stdout).toContain('clawmesh migrate')

    const first = await runClawmesh(['migrate'], env)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    const again = await runClawmesh(['migrate'], env)
    expect(again.code).toBe(0)
    expect(again.stdout.trim().split('\n')).toEqual(
      expect.arrayContaining(['agents: up to date', 'identity: up to date', 'memory: up to date']),
    )
    expect(await runClawmesh(['doctor'], env)).toMatchObject({ code: 0 })
  })

  test('doctor names servers that are away, with the remedy', async () => {
    const { code, stdout } = await runClawmesh(['doctor'], {
      ...env,
      NATS_URL: 'nats://127.0.0.1:1',
      REDIS_URL: 'redis://127.0.0.1:1',
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    })
    expect(code).toBe(1)
    expect(stdout).toMatch(/WRONG NATS: .*\n +remedy: /)
    expect(stdout).toMatch(/WRONG Redis: .*\n +remedy: /)
    expect(stdout).toMatch(/WRONG database of agents: .*\n +remedy: /)
  })

  test('migrate without a database says which variable it wants', async () => {
    const { code, stderr } = await runClawmesh(['migrate'], { CLAWMESH_DATA_DIR: dataDir })
    expect(code).toBe(1)
    expect(stderr).toContain('DATABASE_URL')
  })

  test('openapi prints nothing but the document', async () => {
    const { code, stdout, stderr } = await runClawmesh(['openapi'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const document = JSON.parse(stdout) as { openapi: string; paths: Record<string, unknown> }
    expect(document.openapi).toMatch(/^3\.1/)
    expect(Object.keys(document.paths)).toContain('/v1/chat/completions')
  })
})
