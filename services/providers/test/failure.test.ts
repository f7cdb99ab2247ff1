/** What upstream failures are told as. */
import type { MeshError } from '@clawmesh/contracts'
import fc from 'fast-check'
import {
  failureOfBody,
  failureOfStatus,
  isErrorBody,
  safeReason,
  toProviderError,
  UpstreamFailure,
} from '../src/domain/protocols/failure.ts'
import { defaultRetry, readRetryAfter, retryDelayMs } from '../src/domain/protocols/retry.ts'

describe('a reason', () => {
  it('holds no key, in whatever form it comes back', () => {
    const key = 'my-own-key-0042'
    const told = [
      `Incorrect API key provided: ${key}.`,
      'Authorization: Bearer abcdefghijklmnop',
      'bad sk-ant-api03-abcdefgh',
      'AIzaSyA1234567890abcdefgh is not valid',
      'GET https://host/models?key=topsecret&x=1',
    ].map((text) => safeReason(text, [key]))
    expect(told).toEqual([
      'Incorrect API key provided: ***.',
      'Authorization: Bearer ***',
      'bad ***',
      '*** is not valid',
      'GET https://host/models?key=***&x=1',
    ])
  })

  it('is one line of at most 300 characters without the key, whatever the text and wherever the key stands', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), fc.string({ maxLength: 400 }), fc.uuid(), (before, after, key) => {
        const reason = safeReason(before + key + after, [key])
        expect(reason.length).toBeLessThanOrEqual(300)
        expect(reason).not.toContain(key)
        expect(reason).not.toMatch(/[\n\r\t]/)
      }),
    )
  })
})

describe('an error body', () => {
  it.each([
    [{ error: { message: 'openai' } }, 'openai'],
    [{ type: 'error', error: { type: 'x', message: 'anthropic' } }, 'anthropic'],
    [{ error: 'plain' }, 'plain'],
    [[{ error: { code: 400, message: 'gemini', status: 'INVALID_ARGUMENT' } }], 'gemini'],
    [{ message: 'top', code: 'x' }, 'top'],
    [{ detail: 'fastapi' }, 'fastapi'],
    [{ base_resp: { status_code: 1004, status_msg: 'minimax' } }, 'minimax'],
    [{}, 'HTTP 422'],
    ['<html>', 'HTTP 422'],
  ])('%j says %p', (body, message) => {
    expect(failureOfStatus(422, JSON.stringify(body)).message).toBe(message)
  })

  it.each([
    [{ error: { type: 'authentication_error' } }, 'credentials'],
    [{ error: { code: 'invalid_api_key' } }, 'credentials'],
    [{ error: { code: 429, message: 'slow' } }, 'rate_limit'],
    [{ error: { code: 'model_not_found' } }, 'missing'],
    [{ error: { type: 'overloaded_error' } }, 'failed'],
    [{ error: { type: 'invalid_request_error' } }, 'rejected'],
    [{ error: { message: 'something' } }, 'failed'],
  ])('%j in a successful answer is %p', (body, kind) => {
    expect(failureOfBody(body).kind).toBe(kind)
  })

  it('is told from an answer', () => {
    const answers = [{ choices: [], error: null }, { base_resp: { status_code: 0 } }, { type: 'message' }, {}, []]
    expect(answers.map(isErrorBody)).toEqual(answers.map(() => false))
    const errors = [{ error: {} }, { error: 'x' }, { type: 'error' }, { base_resp: { status_code: 1008 } }]
    expect(errors.map(isErrorBody)).toEqual(errors.map(() => true))
  })

  it('never makes the reading throw', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 400, max: 599 }), (body, status) => {
        expect(failureOfStatus(status, JSON.stringify(body))).toBeInstanceOf(UpstreamFailure)
        expect(failureOfBody(body)).toBeInstanceOf(UpstreamFailure)
        expect(typeof isErrorBody(body)).toBe('boolean')
      }),
      { numRuns: 500 },
    )
  })
})

it('anything that is not an upstream failure stays what it is', () => {
  const bug = new TypeError('bug')
  expect(toProviderError(bug, 'p', [])).toBe(bug)
  const error = toProviderError(new UpstreamFailure('rate_limit', 'x', { retryAfterMs: 5 }), 'p', []) as MeshError
  expect([error.code, error.message, error.retryAfterMs]).toEqual([
    'RESOURCE_EXHAUSTED',
    'provider p is rate limiting',
    5,
  ])
})

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  it.each([
    [{ 'retry-after': '3' }, 3000],
    [{ 'retry-after': ' 0.5 ' }, 500],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:10 GMT' }, 10_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ 'retry-after-ms': '120', 'retry-after': '9' }, 120],
    [{ 'retry-after': ['2', '4'] }, 2000],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-1' }, undefined],
    [{}, undefined],
  ])('%j is %p ms', (headers, expected) => {
    const read = readRetryAfter(headers, now)
    // A negative number is no delay; some date parsers take it for a year.
    if (expected === undefined) expect(read === undefined || read === 0).toBe(true)
    else expect(read).toBe(expected)
  })

  it('grows by two with a tenth of jitter, up to the cap', () => {
    const delays = [1, 2, 3, 4].map((attempt) =>
      [0, 0.5, 1].map((random) => retryDelayMs(defaultRetry, attempt, undefined, () => random)),
    )
    expect(delays).toEqual([
      [270, 300, 330],
      [540, 600, 660],
      [1080, 1200, 1320],
      [2160, 2400, 2640],
    ])
    expect(retryDelayMs(defaultRetry, 20, undefined)).toBe(30_000)
    expect(retryDelayMs(defaultRetry, 1, 90_000)).toBe(30_000)
  })
})
