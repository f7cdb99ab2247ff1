/** Model calls under usage caps, through the service, with traces as the test has it. */
import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { evict } from '@clawmesh/chassis'
import { eventually } from '../../../test/support/eventually.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startProviders, type FakeUsage, type ProvidersHarness } from './harness.ts'
import { chatRequest, collect, message, type Collected } from './support.ts'

let providers: ProvidersHarness
let usage: FakeUsage
const untouched = () => ({
  capped: [],
  reserve: () => true,
  settle: () => undefined,
  lists: 0,
  reserved: [],
  settled: [],
})
beforeAll(async () => {
  providers = await startProviders()
  usage = providers.usage
})
beforeEach(() => void Object.assign(usage, untouched()))
afterAll(() => providers.stop())

/** Every tenant is new, so that nothing is cached of it. */
const newCaller = (fields: Partial<Caller> = {}): Caller => testCaller({ role: 'operator', ...fields })
const chat = (caller: Caller, fields: Partial<ChatRequest> = {}, signal?: AbortSignal): Promise<Collected> => {
  const call = providers.call(caller)
  const request = chatRequest({ provider: 'mock', model: 'mock', ...fields })
  const events = providers.rpc(ProvidersServiceService).chat({ ...call, signal: signal ?? call.signal }, request)
  return collect(events)
}
const hard = (scope = 'tenant', subject = '') => ({ scope, subject, hard: true })
const soft = (scope = 'tenant', subject = '') => ({ scope, subject, hard: false })
const held = () => new MeshError('RESOURCE_EXHAUSTED', 'error.usage_cap_held', {}, { retryAfterMs: 1_000 })
const refuse = (error: MeshError) => () => {
  throw error
}

it('asks nobody for a tenant without caps, once it knows that there are none', async () => {
  const caller = newCaller()
  for (let turn = 0; turn < 3; turn++) expect((await chat(caller)).done).toHaveLength(1)
  expect(usage).toMatchObject({ lists: 1, reserved: [], settled: [] })
  usage.capped = [hard()]
  evict(providers.bus, { kind: 'usage_caps', tenantId: caller.tenantId })
  await chat(caller)
  expect(usage).toMatchObject({ lists: 2, reserved: [{}], settled: [{}] })
})

it('reserves before the call and settles what the provider reports', async () => {
  const caller = newCaller({ keyId: 'key-1', userId: 'backend' })
  usage.capped = [hard('api_key', 'key-1')]
  let settledBefore = -1
  usage.reserve = () => {
    settledBefore = usage.settled.length
    return true
  }
  const spender = { agentId: 'agent-1', userId: 'ann', beginsRun: true }
  const options = { maxTokens: 50, temperature: undefined, reasoningEffort: '' }
  const { done } = await chat(caller, { spender, options, messages: [message('user', 'four words are enough')] })
  expect(settledBefore).toBe(0)
  const [reserved] = usage.reserved
  expect(reserved).toMatchObject({
    subjects: { apiKey: 'key-1', user: 'ann', agent: 'agent-1', provider: 'mock', model: 'mock' },
    outputTokens: 50,
    beginsRun: true,
  })
  const used = done[0]!.usage!
  expect(reserved!.inputTokens).toBeGreaterThanOrEqual(used.inputTokens)
  expect(usage.settled).toMatchObject([
    {
      reservationId: reserved!.reservationId,
      servedProvider: 'mock',
      servedModel: 'mock',
      inputTokens: used.inputTokens,
      outputTokens: used.outputTokens,
    },
  ])
})

it.each([
  ['a key of another name', hard('api_key', 'key-2')],
  ['another user', soft('user', 'bob')],
  ['another model', hard('model', 'gpt-4o')],
])('reserves nothing for a cap on %s', async (_who, cap) => {
  usage.capped = [cap]
  const { done } = await chat(newCaller({ keyId: 'key-1' }))
  expect(done).toHaveLength(1)
  expect(usage.reserved).toEqual([])
})

it('makes no call that is refused, and settles nothing', async () => {
  usage.capped = [hard()]
  const spent = new MeshError('QUOTA_EXHAUSTED', 'error.usage_cap_spent', { renews: 'tomorrow' })
  usage.reserve = refuse(spent)
  const { error, events } = await chat(newCaller())
  expect(events).toEqual([])
  expect(error).toMatchObject({ code: 'QUOTA_EXHAUSTED', params: { renews: 'tomorrow' } })
  expect(usage.settled).toEqual([])
})

rule('createUsageCap.failsClosed', async () => {
  usage.capped = [hard(), soft('user')]
  usage.reserve = refuse(new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'database' }))
  const { error, events } = await chat(newCaller())
  expect({ code: error?.code, events }).toEqual({ code: 'UNAVAILABLE', events: [] })
  // It may have been reserved, for all that is known.
  const [reserved] = usage.reserved
  await eventually('the release', async () => usage.settled.length === 1)
  expect(usage.settled).toMatchObject([{ reservationId: reserved!.reservationId, inputTokens: 0, outputTokens: 0 }])
  // Soft caps keep nobody waiting.
  usage.capped = [soft()]
  expect((await chat(newCaller())).done).toHaveLength(1)
})

it('refuses a call while nobody can say whether there are caps', async () => {
  const away = new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'traces' })
  Object.defineProperty(usage, 'capped', { configurable: true, get: refuse(away) })
  try {
    expect((await chat(newCaller())).error).toMatchObject({ code: 'UNAVAILABLE' })
  } finally {
    Object.defineProperty(usage, 'capped', { configurable: true, writable: true, value: [] })
  }
})

it('waits within a run for what others have reserved, and not at its begin', async () => {
  usage.capped = [hard()]
  let refusals = 1
  usage.reserve = () => {
    if (refusals-- > 0) throw held()
    return true
  }
  const spender = { agentId: '', userId: 'ann', beginsRun: false }
  expect((await chat(newCaller(), { spender })).done).toHaveLength(1)
  refusals = 1
  expect((await chat(newCaller(), { spender: { ...spender, beginsRun: true } })).error).toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    retryAfterMs: 1_000,
  })
})

it('counts what a reader who leaves has seen, and nothing of a call that upstream refused', async () => {
  usage.capped = [hard()]
  const leaving = new AbortController()
  const caller = newCaller()
  usage.reserve = () => {
    leaving.abort()
    return true
  }
  expect((await chat(caller, {}, leaving.signal)).error).toMatchObject({ code: 'CANCELLED' })
  await eventually('the settlement', async () => usage.settled.length === 1)
  expect(usage.settled[0]!.inputTokens).toBeGreaterThan(0)
  usage.reserve = () => true
  const format = { type: 'json_object', name: '', description: '', schemaJson: '', strict: undefined }
  const sampling = { stop: [], logitBias: {}, responseFormat: format, toolChoice: undefined }
  expect((await chat(caller, { sampling })).error).toMatchObject({ code: 'UNSUPPORTED_PARAMETER' })
  await eventually('the release', async () => usage.settled.length === 2)
  expect(usage.settled[1]).toMatchObject({ inputTokens: 0, outputTokens: 0 })
})

it('settles again until it is done', async () => {
  usage.capped = [hard()]
  let failures = 2
  usage.settle = () => {
    if (failures-- > 0) throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'database' })
  }
  await chat(newCaller())
  await eventually('the settlement', async () => usage.settled.length === 1)
  expect(failures).toBe(-1)
})
