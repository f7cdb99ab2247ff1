/** A service called in the same process and over gRPC: whatever its functions do, callers see the same. */
import { setTimeout as pause } from 'node:timers/promises'
import { errorKinds, masterTenantId, MeshError, type Caller, type ErrorCode } from '@clawmesh/contracts'
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { ProvidersServiceService, type ChatResponse } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import {
  createLogger,
  connectDirect,
  connectGrpc,
  connectLinked,
  createIdentityTokens,
  createLinkPool,
  implementRpc,
  type Call,
  type RpcFunctions,
} from '../src/index.ts'
import { startRpcServer, type RpcServer } from '../src/grpc/server.ts'
import { hangLimitMs } from '../../test/support/limits.ts'
import { aborted } from '../../test/support/aborted.ts'
import { until } from '../../test/support/eventually.ts'

type Agents = RpcFunctions<typeof AgentsServiceService>
type Providers = RpcFunctions<typeof ProvidersServiceService>

const caller: Caller = {
  tenantId: masterTenantId,
  tenantSlug: 'master',
  userId: 'Nguyễn',
  role: 'operator',
  scopes: ['operator.write'],
  credential: 'api-key',
  userBound: false,
  locale: 'zh',
}
const timeouts = { rpcTimeoutMs: hangLimitMs, streamTimeoutMs: hangLimitMs }
const soonTimeouts = { rpcTimeoutMs: 500, streamTimeoutMs: 2_000 }
const tokens = createIdentityTokens('a secret of at least 32 characters')

/** What the service does; each test says. */
let behaviour: { unary: Agents['resolveAgent']; write: Agents['setContextFile']; stream: Providers['chat'] }
const agents: Agents = {
  resolveAgent: (call, request) => behaviour.unary(call, request),
  getContextFile: async () => ({ found: false, content: '' }),
  checkFileWriter: async () => ({ allowed: true }),
  setContextFile: (call, request) => behaviour.write(call, request),
}
const providers: Providers = {
  chat: (call, request) => behaviour.stream(call, request),
  embed: async () => ({ configured: false, vectors: [], provider: '', model: '' }),
  getAccountPool: async () => ({ isAccount: false, strategy: '', extraProviders: [], signedIn: [] }),
  listMediaProviders: async () => ({ providers: [] }),
  makeMedia: async function* () {},
}

const answer: Awaited<ReturnType<Agents['resolveAgent']>> = {
  found: true,
  id: 'x',
  agentKey: 'sample',
  status: '',
  ownerId: '',
  workspace: '',
  toolsConfigJson: '',
  memoryConfigJson: '',
  agentType: '',
  selfEvolve: false,
  shareMemory: false,
  hasAccess: true,
  shareKnowledgeGraph: false,
}
const never = () => new Promise<never>(() => {})
const delta = (value: string): ChatResponse => ({ event: { $case: 'textDelta', value } })

let server: RpcServer
const hangUps: (() => void)[] = []
type Transports = Map<string, { agents: Agents; providers: Providers }>
let transports: Transports
/** Those on which calls soon meet their deadlines. */
let hasty: Transports

beforeAll(async () => {
  const services = [implementRpc(AgentsServiceService, agents), implementRpc(ProvidersServiceService, providers)]
  const log = createLogger({ level: 'silent', name: 'test' })
  server = await startRpcServer({ host: '127.0.0.1', port: 0, services, tokens, log, maxConnectionAgeMs: 60_000 })
  const pool = createLinkPool({
    target: `127.0.0.1:${server.port}`,
    identity: () => tokens.mint(caller),
  })
  hangUps.push(pool.close)
  const connect = (timeouts: typeof soonTimeouts): Transports => {
    const connected: Transports = new Map()
    const overGrpc = services.map(({ definition }) => {
      const { functions, close } = connectGrpc(definition, `127.0.0.1:${server.port}`, tokens, timeouts)
      hangUps.push(close)
      return functions
    })
    const linked = services.map(({ definition }) => {
      const { functions, close } = connectLinked(definition, {
        links: pool,
        target: '127.0.0.1:1',
        tokens,
        settings: timeouts,
      })
      hangUps.push(close)
      return functions
    })
    const direct = services.map(({ definition, functions }) => connectDirect(definition, functions, timeouts))
    for (const [name, [a, p]] of [
      ['direct', direct],
      ['gRPC', overGrpc],
      ['link', linked],
    ] as const)
      connected.set(name, { agents: a as unknown as Agents, providers: p as unknown as Providers })
    return connected
  }
  transports = connect(timeouts)
  hasty = connect(soonTimeouts)
})
afterAll(async () => {
  hangUps.forEach((hangUp) => hangUp())
  await server.drain(1_000)
})
beforeEach(() => {
  behaviour = {
    unary: async () => answer,
    write: async () => ({}),
    stream: async function* () {
      yield delta('a')
    },
  }
})

const callWith = (signal: AbortSignal = new AbortController().signal): Call => ({ caller, requestId: 'r-1', signal })
const chatRequest = {
  provider: '',
  model: '',
  messages: [],
  tools: [],
  options: undefined,
  sampling: undefined,
  stream: true,
}

/** What a caller can tell of an error. */
const seenOf = (thrown: unknown): object =>
  thrown instanceof MeshError
    ? { code: thrown.code, key: thrown.key, params: thrown.params, retryAfterMs: thrown.retryAfterMs }
    : { odd: String(thrown) }

const unaryOutcome = async (of: { agents: Agents }, call = callWith()): Promise<object> => {
  try {
    return { value: await of.agents.resolveAgent(call, { agent: 'a' }) }
  } catch (thrown) {
    return seenOf(thrown)
  }
}

/** The messages that came, and the error that ended them. */
const streamOutcome = async (
  of: { providers: Providers },
  call = callWith(),
  messages: ChatResponse[] = [],
): Promise<object> => {
  try {
    for await (const message of of.providers.chat(call, chatRequest)) messages.push(message)
    return { messages }
  } catch (thrown) {
    return { messages, ...seenOf(thrown) }
  }
}

/** Gives up on an outcome that does not come. */
const soon = <T>(outcome: Promise<T>): Promise<T | string> =>
  Promise.race([outcome, pause(hangLimitMs, 'it hangs', { ref: false })])

describe.each(['direct', 'gRPC', 'link'])('%s', (name) => {
  const transport = () => transports.get(name)!

  it('hands over who calls and what is asked, and hands back what is answered', async () => {
    let seen: object = {}
    behaviour.unary = async ({ caller: who, requestId }, request) => {
      seen = { who, requestId, request }
      return answer
    }
    expect(await unaryOutcome(transport())).toEqual({ value: answer })
    expect(seen).toEqual({ who: caller, requestId: 'r-1', request: { agent: 'a' } })
  })

  it('hands over a stream in order, however slow either side is', async () => {
    const count = 300
    behaviour.stream = async function* () {
      for (let at = 0; at < count; at++) {
        if (at % 100 === 0) await pause(5)
        yield delta(`${at} ${'x'.repeat(1_000)}`)
      }
    }
    let at = 0
    for await (const { event } of transport().providers.chat(callWith(), chatRequest)) {
      if (at % 70 === 0) await pause(5)
      expect((event as { value: string }).value.startsWith(`${at++} `)).toBe(true)
    }
    expect(at).toBe(count)
  })

  it.each(Object.keys(errorKinds) as ErrorCode[])('passes on a failure with %s as it was thrown', async (code) => {
    const thrown = new MeshError(code, 'error.not_found', { kind: 'thing', id: 'Ω ✓' }, { retryAfterMs: 1_234 })
    behaviour.write = async () => {
      throw thrown
    }
    await expect(
      transport()
        .agents.setContextFile(callWith(), { agentId: '', userId: '', fileName: '', content: '' })
        .catch(seenOf),
    ).resolves.toEqual(seenOf(thrown))
    behaviour.stream = async function* () {
      yield delta('before')
      throw thrown
    }
    expect(await streamOutcome(transport())).toEqual({ messages: [delta('before')], ...seenOf(thrown) })
  })

  it('passes on a failure before anything was streamed, thrown at once or awaited', async () => {
    const thrown = new MeshError('FAILED_PRECONDITION', 'error.provider_not_configured')
    behaviour.stream = () => {
      throw thrown
    }
    expect(await streamOutcome(transport())).toEqual({ messages: [], ...seenOf(thrown) })
    behaviour.stream = async function* () {
      await pause(5)
      if (behaviour) throw thrown
      yield delta('never')
    }
    expect(await streamOutcome(transport())).toEqual({ messages: [], ...seenOf(thrown) })
  })

  it('passes on nothing of an error that nobody meant to throw', async () => {
    const internal = { code: 'INTERNAL', key: 'error.internal', params: {}, retryAfterMs: undefined }
    for (const thrown of [new Error('secret'), new TypeError('x is not a function'), 'text', undefined]) {
      behaviour.unary = async () => {
        // Libraries throw whatever they like.
        throw thrown as Error
      }
      expect(await unaryOutcome(transport())).toEqual(internal)
    }
    behaviour.unary = () => {
      throw new Error('at once')
    }
    expect(await unaryOutcome(transport())).toEqual(internal)
  })

  it('takes a database that is away for one that is away', async () => {
    behaviour.write = async () => {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    }
    const outcome = transport().agents.setContextFile(callWith(), {
      agentId: '',
      userId: '',
      fileName: '',
      content: '',
    })
    await expect(outcome).rejects.toMatchObject({ code: 'UNAVAILABLE', params: { what: 'database' } })
  })

  it('passes on long texts of failures, cut if need be', async () => {
    const thrown = new MeshError('UNAVAILABLE', 'error.provider_request_failed', {
      provider: 'p',
      reason: 'é'.repeat(200_000),
    })
    behaviour.stream = () => {
      throw thrown
    }
    const outcome = (await soon(streamOutcome(transport()))) as { code: string; params: { reason: string } }
    expect(outcome).toMatchObject({ code: 'UNAVAILABLE', key: 'error.provider_request_failed' })
    expect(outcome.params.reason.startsWith('é'.repeat(500))).toBe(true)
  })

  describe('a deadline', () => {
    const late = (what: string) => ({ code: 'AGENT_TIMEOUT', key: 'error.timeout', params: { what } })

    it('ends a call, and the work behind it, whether that listens or not', async () => {
      let aborted = false
      behaviour.unary = ({ signal }) => {
        signal.addEventListener('abort', () => (aborted = true))
        return never()
      }
      expect(await soon(unaryOutcome(hasty.get(name)!))).toMatchObject(late('agents'))
      await until(() => aborted)
    })

    it('ends a stream, and the work behind it, whether that listens or not', async () => {
      let aborted = false
      behaviour.stream = async function* ({ signal }) {
        signal.addEventListener('abort', () => (aborted = true))
        yield delta('first')
        await never()
      }
      expect(await soon(streamOutcome(hasty.get(name)!))).toMatchObject({
        messages: [delta('first')],
        ...late('providers'),
      })
      await until(() => aborted)
    })

    it('is still that when the work gives up because of it', async () => {
      behaviour.unary = ({ signal }) =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(new MeshError('CANCELLED', 'error.cancelled'))),
        )
      expect(await soon(unaryOutcome(hasty.get(name)!))).toMatchObject(late('agents'))
    })
  })

  describe('a caller who leaves', () => {
    const cancelled = { code: 'CANCELLED', key: 'error.cancelled' }
    const reason = new MeshError('CANCELLED', 'error.cancelled')

    it('is told so at once, and the work behind it is', async () => {
      let [begun, aborted] = [false, false]
      behaviour.unary = ({ signal }) => {
        signal.addEventListener('abort', () => (aborted = true))
        begun = true
        return never()
      }
      const abort = new AbortController()
      const outcome = unaryOutcome(transport(), callWith(abort.signal))
      await until(() => begun)
      abort.abort(reason)
      expect(await soon(outcome)).toMatchObject(cancelled)
      await until(() => aborted)
    })

    it('in the middle of a stream, the same', async () => {
      let aborted = false
      behaviour.stream = async function* ({ signal }) {
        signal.addEventListener('abort', () => (aborted = true))
        yield delta('first')
        await never()
      }
      const abort = new AbortController()
      const messages: ChatResponse[] = []
      const outcome = streamOutcome(transport(), callWith(abort.signal), messages)
      await until(() => messages.length === 1)
      abort.abort(reason)
      expect(await soon(outcome)).toMatchObject({ messages: [delta('first')], ...cancelled })
      await until(() => aborted)
    })

    it('before or while the call is made, starts nothing that goes on', async () => {
      let running = 0
      behaviour.unary = async ({ signal }) => {
        running++
        await aborted(signal)
        running--
        return answer
      }
      const gone = AbortSignal.abort(reason)
      expect(await soon(unaryOutcome(transport(), callWith(gone)))).toMatchObject(cancelled)
      expect(await soon(streamOutcome(transport(), callWith(gone)))).toMatchObject({ messages: [], ...cancelled })
      const abort = new AbortController()
      const outcome = unaryOutcome(transport(), callWith(abort.signal))
      abort.abort(reason)
      expect(await soon(outcome)).toMatchObject(cancelled)
      await pause(50)
      expect(running).toBe(0)
    })

    it('with a reason of its own, is cancelled all the same', async () => {
      for (const odd of [undefined, new Error('left'), new DOMException('late', 'TimeoutError')]) {
        expect(await soon(unaryOutcome(transport(), callWith(AbortSignal.abort(odd))))).toMatchObject(cancelled)
        expect(await soon(streamOutcome(transport(), callWith(AbortSignal.abort(odd))))).toMatchObject(cancelled)
      }
    })

    it('a stream early, lets the work behind it clean up', async () => {
      let cleaned = 0
      let aborted = false
      behaviour.stream = async function* ({ signal }) {
        signal.addEventListener('abort', () => (aborted = true))
        try {
          for (let at = 0; !signal.aborted; at++) {
            yield delta(String(at))
            await pause(1)
          }
        } finally {
          cleaned++
        }
      }
      for await (const message of transport().providers.chat(callWith(), chatRequest)) if (message) break
      await pause(100)
      expect({ cleaned, aborted }).toEqual({ cleaned: 1, aborted: true })
    })
  })

  it('leaves no listener on the signal of a caller that lives on', async () => {
    const abort = new AbortController()
    let listening = 0
    const { signal } = abort
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => (listening++, add(...args))
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (listening--, remove(...args))
    for (let at = 0; at < 20; at++) {
      await unaryOutcome(transport(), callWith(signal))
      await streamOutcome(transport(), callWith(signal))
    }
    expect(listening).toBe(0)
  })
})

describe.each(['gRPC', 'link'])('over %s', (name) => {
  const transport = () => transports.get(name)!
  /** Functions of agents at an address, and how to hang up. */
  const connectTo = (target: string, limits = timeouts): { agents: Agents; close: () => void } => {
    if (name === 'gRPC') {
      const { functions, close } = connectGrpc(AgentsServiceService, target, tokens, limits)
      return { agents: functions as unknown as Agents, close }
    }
    const pool = createLinkPool({ target, identity: () => tokens.mint(caller) })
    const { functions } = connectLinked(AgentsServiceService, { links: pool, target, tokens, settings: limits })
    return { agents: functions as unknown as Agents, close: pool.close }
  }

  it('what only reads is tried three times while the other side is away, what writes once', async () => {
    let [reads, writes] = [0, 0]
    behaviour.unary = async () => {
      if (++reads < 3) throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'x' })
      return answer
    }
    behaviour.write = async () => {
      writes++
      throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'x' })
    }
    expect(await unaryOutcome(transport())).toEqual({ value: answer })
    const file = { agentId: '', userId: '', fileName: '', content: '' }
    await expect(transport().agents.setContextFile(callWith(), file)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect([reads, writes]).toEqual([3, 1])
  })

  it('nobody there is not available, and which service that is, is said', async () => {
    const nobody = connectTo('127.0.0.1:1', { ...timeouts, rpcTimeoutMs: 2_000 })
    const outcome = await unaryOutcome(nobody)
    nobody.close()
    expect(outcome).toMatchObject({ code: 'UNAVAILABLE', params: { what: 'agents' } })
  })

  it('a slow reader makes the writer wait, and nobody complains', async () => {
    const warnings: Error[] = []
    const listen = (warning: Error) => void warnings.push(warning)
    process.on('warning', listen)
    let [written, read] = [0, 0]
    behaviour.stream = async function* ({ signal }) {
      while (!signal.aborted && written < 60) {
        written++
        yield delta('x'.repeat(50_000))
      }
    }
    let furthest = 0
    for await (const _message of transport().providers.chat(callWith(), chatRequest)) {
      read++
      if (read < 20) await pause(5)
      furthest = Math.max(furthest, written - read)
    }
    await pause(10)
    process.off('warning', listen)
    expect(read).toBe(60)
    expect(furthest).toBeLessThan(40)
    expect(warnings).toEqual([])
  })

  it('a server that leaves finishes what it has begun', async () => {
    const log = createLogger({ level: 'silent', name: 'test' })
    const services = [implementRpc(AgentsServiceService, agents)]
    const leaving = await startRpcServer({
      host: '127.0.0.1',
      port: 0,
      services,
      tokens,
      log,
      maxConnectionAgeMs: 60_000,
    })
    const client = connectTo(`127.0.0.1:${leaving.port}`)
    let begun = false
    behaviour.unary = async () => {
      begun = true
      await pause(100)
      return answer
    }
    const outcome = unaryOutcome(client)
    await until(() => begun)
    await leaving.drain(hangLimitMs)
    expect(await outcome).toEqual({ value: answer })
    client.close()
  })
})
