/** What upstream failures are told as. */
import type { MeshError } from '@clawmesh/contracts'
import fc from 'fast-check'
import {
  failureOfBody,
  failureOfStatus,
  safeReason,
  toProviderError,
  UpstreamFailure,
} from '../src/chat/protocols/failure.ts'
import { isErrorBody } from '../src/chat/protocols/vendor-error.ts'
import { defaultRetry, readRetryAfter, retryDelayMs } from '../src/chat/protocols/retry.ts'

describe('a reason', () => {
  it('holds no key, in whatever form it comes back', () => {
    const key = 'my-own-key-0042'
    const reported = [
      `Incorrect API key provided: ${key}.`,
      'Authorization: Bearer abcdefghijklmnop',
      'bad sk-ant-api03-abcdefgh',
      'AIzaSyA1234567890abcdefgh is not valid',
      'GET https://host/models?key=topsecret&x=1',
    ].map((text) => safeReason(text, [key]))
    expect(reported).toEqual([
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
    [
      { detail: [{ type: 'missing', loc: ['body', 'messages', 0], msg: 'Field required' }] },
      'body.messages.0: Field required',
    ],
    [{ detail: [{ msg: 'one' }, { msg: 'two' }] }, 'one; two'],
    [{ detail: { error: 'nested', code: 4 } }, 'nested'],
    [{ object: 'error', message: 'vllm', type: 'BadRequestError', code: 400 }, 'vllm'],
    [{ error: { message: { text: 'unusual', code: 5 } } }, '{"text":"unusual","code":5}'],
    [{ error: { message: { message: 'an object as message' } } }, 'an object as message'],
    [{ error: { message: ['a', 'b'] } }, 'a; b'],
    [{ success: false, errors: [{ code: 7, message: 'cloudflare' }] }, 'cloudflare'],
    [{ error: 'invalid_grant', error_description: 'oauth' }, 'invalid_grant'],
    [
      {
        error: {
          message: 'Provider returned error',
          code: 400,
          metadata: { raw: '{"error":{"message":"real reason"}}' },
        },
      },
      'Provider returned error: real reason',
    ],
    [{ error: {}, message: 'beside an empty error' }, 'beside an empty error'],
    ['upstream connect error', 'upstream connect error'],
    [{}, 'HTTP 422'],
    ['<html>', 'HTTP 422'],
  ])('%j says %p', (body, message) => {
    expect(failureOfStatus(422, JSON.stringify(body)).message).toBe(message)
  })

  it.each([
    [{ error: { type: 'authentication_error' } }, 'credentials'],
    [{ error: { code: 'invalid_api_key' } }, 'credentials'],
    [{ error: { code: 429, message: 'slow' } }, 'rate_limit'],
    [{ error: { code: 'insufficient_quota', message: 'You exceeded your current quota' } }, 'quota'],
    [{ error: { code: 402, message: 'Insufficient credits' } }, 'quota'],
    [{ error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'You exceeded your current quota' } }, 'rate_limit'],
    [{ base_resp: { status_code: 1008, status_msg: 'insufficient balance' } }, 'quota'],
    [{ object: 'error', message: 'no such model', type: 'NotFoundError', code: 404 }, 'missing'],
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
    const errors = [
      { error: {} },
      { error: 'x' },
      { type: 'error' },
      { base_resp: { status_code: 1008 } },
      { object: 'error' },
    ]
    expect(errors.map(isErrorBody)).toEqual(errors.map(() => true))
  })

  it('that is no JSON is told as it is, unless it is a page for people', () => {
    expect(failureOfStatus(502, 'no healthy upstream').message).toBe('no healthy upstream')
    expect(failureOfStatus(502, ' \n<!doctype html><title>Bad gateway</title>').message).toBe('HTTP 502')
  })

  it('is bounded as it is read, and a key on the border of what is read is not left in pieces', () => {
    const key = 'my-own-key-0042'
    const long = 'ключ '.repeat(10_000)
    expect(failureOfStatus(400, JSON.stringify({ error: { message: long, type: long } })).message.length).toBeLessThan(
      2_100,
    )
    for (let at = 3_980; at < 4_004; at++)
      expect(safeReason(' '.repeat(at) + key + ' '.repeat(500), [key])).not.toContain('my-o')
  })

  it('of Google names its pause among the details', () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '22.5s' }]
    const body = JSON.stringify([{ error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'slow', details } }])
    expect(failureOfStatus(429, body).detail).toMatchObject({ retryAfterMs: 22_500, retryable: true })
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
    'provider p is rate limiting: x',
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
  })

  it('above the cap leaves no pause to make: the call fails at once', () => {
    expect(retryDelayMs(defaultRetry, 1, 30_000)).toBe(30_000)
    expect(retryDelayMs(defaultRetry, 1, 30_001)).toBeUndefined()
  })

  it('in the past, or of nothing, still leaves the own pause: a server in trouble is not hammered', () => {
    const past = readRetryAfter({ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, now)
    expect([past, retryDelayMs(defaultRetry, 1, past, () => 0.5)]).toEqual([0, 300])
    expect(retryDelayMs(defaultRetry, 2, 0, () => 0.5)).toBe(600)
    expect(
      (toProviderError(new UpstreamFailure('failed', 'x', { retryAfterMs: 0 }), 'p', []) as MeshError).retryAfterMs,
    ).toBeGreaterThan(0)
  })
})
