/** What is started over a WebSocket is counted as over HTTP. */
import type { Mesh } from '@clawmesh/chassis'
import { masterTenantId, MeshError, wsRoutes, type WsRoute } from '@clawmesh/contracts'
import { z } from 'zod'
import { testCaller } from '../../test/support/service-harness.ts'
import type { HoldKeyRun } from '../src/limit/key-runs.ts'
import type { CountStart } from '../src/limit/limit.ts'
import { createRequestHandler } from '../src/ws/handle-request.ts'
import type { Session } from '../src/ws/session.ts'

const definition = { role: 'operator', summary: '', params: z.object({}), result: z.object({}), errors: [] } as const
const methods = wsRoutes as Map<string, WsRoute>
const add = (name: string, startsRun: boolean) =>
  methods.set(name, { name, service: 'agents', definition: { ...definition, ...(startsRun ? { startsRun } : {}) } })

beforeAll(() => {
  add('test.run', true)
  add('test.read', false)
})
afterAll(() => {
  methods.delete('test.run')
  methods.delete('test.read')
})

const caller = testCaller({ tenantId: masterTenantId, role: 'admin', credential: 'gateway-token' })
const apiKey = { keyId: 'k', rateLimitRpm: 0, maxConcurrentRuns: 1 }
const session = {
  authState: { kind: 'open', caller, limitKey: 'user:alice', apiKey },
  clientIp: '192.0.2.1',
  locale: 'en',
  gone: new AbortController().signal,
  ownRuns: { add: () => undefined, settled: async () => undefined },
} as unknown as Session

const handlerWith = (count: CountStart, holdKeyRun: HoldKeyRun, answer: () => Promise<{ resultJson: string }>) => {
  const handle = createRequestHandler({
    mesh: { methods: () => ({ callMethod: answer }), config: {}, bus: { connected: () => false } } as unknown as Mesh,
    own: {},
    count,
    holdKeyRun,
    recheck: async () => undefined,
  })
  return (method: string) => handle(session, { type: 'req', id: '1', method })
}
const allowed = { take: { allowed: true, remaining: 1, fullInMs: 1, nextInMs: 0 }, burst: 2 }

it.each([
  ['ends', async () => ({ resultJson: '{}' }), 'resolved'],
  ['fails', () => Promise.reject(new MeshError('UNAVAILABLE', 'error.unavailable')), 'rejected'],
])('a run is counted, and given back when it %s', async (_, answer, outcome) => {
  const log: unknown[] = []
  const ask = handlerWith(
    async (bucket, admission, ip) => (log.push([bucket, admission.limitKey, ip]), allowed),
    async (bucket, admission) => (log.push([bucket, admission.apiKey]), () => log.push('given back')),
    answer,
  )
  const ended = await ask('test.run').then(
    () => 'resolved',
    () => 'rejected',
  )
  expect(ended).toBe(outcome)
  expect(log).toEqual([['run', 'user:alice', '192.0.2.1'], ['run', apiKey], 'given back'])
  await ask('test.read').catch(() => undefined)
  expect(log).toHaveLength(3)
})

it('over a limit nothing starts, and the wait is told', async () => {
  let started = 0
  const over = { ...allowed, take: { ...allowed.take, allowed: false, nextInMs: 1_234 } }
  const ask = handlerWith(
    async () => over,
    async () => undefined,
    async () => ({ resultJson: String(started++) }),
  )
  await expect(ask('test.run')).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1_234 })
  expect(started).toBe(0)
})
