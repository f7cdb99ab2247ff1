import { errorKinds, MeshError, type ErrorCode } from '@clawmesh/contracts'
import { errorAnswer } from '../src/index.ts'

const codes = Object.keys(errorKinds) as ErrorCode[]
const answer = (code: ErrorCode, retryAfterMs?: number, url = '/v1/agents') =>
  errorAnswer(new MeshError(code, 'error.internal', {}, { retryAfterMs }), { url })

it.each(codes)('%s says in headers and body alike whether repeating helps', (code) => {
  const { headers, body } = answer(code, 2_500)
  const { retryable, retryAfterMs } = JSON.parse(body) as { retryable: boolean; retryAfterMs?: number }
  expect(headers['x-should-retry']).toBe(String(errorKinds[code].retryable))
  expect(String(retryable)).toBe(headers['x-should-retry'])
  const wait = retryable ? ['3', '2500', 2_500] : [undefined, undefined, undefined]
  expect([headers['retry-after'], headers['retry-after-ms'], retryAfterMs]).toEqual(wait)
})

it.each([
  [1, '1', '1'],
  [999, '1', '999'],
  [1_000, '1', '1000'],
  [1_000.2, '2', '1001'],
  [0, '1', '0'],
  [3_600_001, '3601', '3600001'],
])('a wait of %p ms is %s whole seconds, and exactly %s ms', (waitMs, seconds, exactMs) => {
  const { headers } = answer('RESOURCE_EXHAUSTED', waitMs)
  expect([headers['retry-after'], headers['retry-after-ms']]).toEqual([seconds, exactMs])
})

it('a wait that nobody knows is not made up', () => {
  const { headers, body } = answer('RESOURCE_EXHAUSTED')
  expect(headers).toMatchObject({ 'x-should-retry': 'true' })
  expect(Object.keys(headers)).not.toContain('retry-after')
  expect(JSON.parse(body)).not.toHaveProperty('retryAfterMs')
})

it('a spent budget is not worth repeating, and says so to OpenAI clients', () => {
  const { status, headers, body } = answer('QUOTA_EXHAUSTED', 5_000, '/v1/chat/completions')
  expect([status, headers['x-should-retry'], headers['retry-after']]).toEqual([429, 'false', undefined])
  expect(JSON.parse(body)).toMatchObject({ error: { type: 'insufficient_quota', code: 'insufficient_quota' } })
})

it('names the request, a new one where it never got a name', () => {
  expect(answer('NOT_FOUND').headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  const named = errorAnswer(new MeshError('NOT_FOUND', 'error.internal'), { requestId: 'mine' })
  expect(named.headers['x-request-id']).toBe('mine')
})
