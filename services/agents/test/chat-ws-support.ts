/** What tests of conversations over a WebSocket do with the agents service, as the edge calls it; the edge itself is met in test/e2e. */
import { MeshError, type Caller, type RunEvent } from '@clawmesh/contracts'
import { newId } from '@clawmesh/chassis'
import { eventually } from '../../../test/support/eventually.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { done, echo, startAgents, text, type AgentsUnderTest, type Script } from './stand-ins.ts'
import { aborted } from '../../../test/support/aborted.ts'

export type Body = Record<string, any>

export const newTenant = () => {
  const alice = testCaller({ role: 'operator', userId: 'alice', credential: 'gateway-token' })
  return { alice, bob: { ...alice, userId: 'bob' }, admin: { ...alice, role: 'admin' as const, userId: 'carol' } }
}

export const said = (messages: Body[]) => messages.map(({ role, content }) => `${role}: ${content}`)
export const keyOf = (name: string) => `agent:default:ws:direct:${name}`
export const refusedWith = async (asked: Promise<unknown>, code: string) =>
  expect(asked).rejects.toMatchObject({ code })

/** A model that calls a tool, then answers. */
export const callsFirst = (name: string, content: string, argumentsJson = '{}'): Script =>
  async function* ({ messages }) {
    if (messages.at(-1)!.role === 'tool') {
      yield text(content)
      yield done({ content })
    } else yield done({ finishReason: 'tool_calls', toolCalls: [{ id: 'a', name, argumentsJson, parseError: '' }] })
  }

/** Sessions get their titles beside the runs, at some moment. */
const asksForTitle = ({ messages }: Parameters<Script>[0]): boolean =>
  messages[0]?.content.startsWith('Give the conversation a title') === true

/** A model that says something, waits to be let go, and says the rest; asked for a title of an earlier session it does not wait. */
export const heldModel = (first = 'one ', rest = 'two') => {
  const gate = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const model: Script = async function* (request, call) {
    if (asksForTitle(request)) return yield* echo(request, call)
    const { signal } = call
    yield text(first)
    begun.resolve()
    const gone = aborted(signal).then(() => {
      throw new MeshError('CANCELLED', 'error.cancelled')
    })
    await Promise.race([gate.promise, gone])
    yield text(rest)
    yield done({ content: first + rest })
  }
  return { model, begun: begun.promise, release: () => gate.resolve() }
}

/** The agents service for a test file, as it is at first before each test. */
export const startChat = () => {
  let agents: AgentsUnderTest
  beforeAll(async () => {
    agents = await startAgents({ CLAWMESH_RUN_HEARTBEAT_MS: '200' })
  })
  afterAll(() => agents.stop())
  beforeEach(() => {
    agents.model = echo
    agents.asked.length = 0
    agents.moreTools = []
    agents.toolResults = {}
    agents.systemConfigs = {}
  })

  /** What the model was asked by runs. */
  const askedByRuns = () => agents.asked.filter((request) => !asksForTitle(request))

  /** An agent that belongs to a user. */
  const makeAgent = async (owner: Caller, body: object) => {
    const { status: made } = await agents.request({ ...owner, role: 'admin' }, 'POST', '/v1/agents', body)
    expect(made).toBe(201)
  }

  const ask = async (caller: Caller, method: string, params: object = {}, requestId = newId()): Promise<Body> => {
    const call = { ...agents.call(caller), requestId }
    const { resultJson } = await agents.mesh
      .methods('agents')
      .callMethod(call, { method, paramsJson: JSON.stringify(params) })
    return JSON.parse(resultJson) as Body
  }
  const send = (caller: Caller, sessionKey: string, message: string, further: object = {}, runId = newId()) =>
    ask(caller, 'chat.send', { sessionKey, message, ...further }, runId)
  const history = async (caller: Caller, sessionKey: string, window: object = {}) =>
    (await ask(caller, 'chat.history', { sessionKey, ...window }))['messages'] as Body[]
  const status = (caller: Caller, sessionKey: string, further: object = {}) =>
    ask(caller, 'chat.session.status', { sessionKey, ...further })

  /** The live events of a tenant, as they come. */
  const listen = ({ tenantId }: Caller) => {
    const events: RunEvent[] = []
    const stop = agents.bus.subscribe(`mesh.runs.${tenantId}.*`, (event) => void events.push(event as RunEvent))
    return { events, stop }
  }

  /** A session in which a run is on, whose model waits; what it does after that is up to the test. */
  const busySession = async (caller: Caller, name = 'busy') => {
    const held = heldModel()
    agents.model = held.model
    const runId = newId()
    const first = send(caller, keyOf(name), 'first', { stream: true }, runId)
    await held.begun
    await eventually('the run', async () => (await status(caller, keyOf(name)))['isRunning'] === true)
    return { ...held, runId, first, key: keyOf(name) }
  }

  /** Works with a service that has other settings, in place of the usual one. */
  const withSettings = async (env: Record<string, string>, work: () => Promise<void>) => {
    const usual = agents
    agents = await startAgents({ CLAWMESH_QUEUE_CAP: '2', CLAWMESH_QUEUE_DEBOUNCE_MS: '0', ...env })
    try {
      await work()
    } finally {
      await agents.stop()
      agents = usual
    }
  }

  return { agents: () => agents, withSettings, askedByRuns, makeAgent, ask, send, history, status, listen, busySession }
}
