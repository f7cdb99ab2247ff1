import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { MeshError } from '@clawmesh/contracts'
import { maxJsonValues, parseBody, parseJson, readBody } from '../src/index.ts'

const bytesOf = (text: string): Uint8Array => Buffer.from(text)

/** The parsed value, or the reason of the refusal. Anything else that is thrown fails the test. */
const outcome = (bytes: Uint8Array): { value: unknown } | { reason: string } => {
  try {
    return { value: parseJson(bytes) }
  } catch (thrown) {
    if (!(thrown instanceof MeshError)) throw thrown
    expect(thrown).toMatchObject({ code: 'INVALID_REQUEST', key: 'error.invalid_json' })
    return { reason: String(thrown.params['reason']) }
  }
}

const nested = (depth: number, open: string, close: string, inner = ''): string =>
  open.repeat(depth) + inner + close.repeat(depth)

it('throws nothing but a refusal, whatever the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void outcome(bytes)),
    { numRuns: 10_000 },
  )
})

it('throws nothing but a refusal for texts that are nearly JSON', () => {
  const pieces = fc.constantFrom(
    ...['{', '}', '[', ']', ',', ':', '"', '\\', '\\u0000', '\\ud800', '\\u005f', '__proto__', '"a"', '1', 'null', ' '],
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => void outcome(bytesOf(parts.join('')))),
    { numRuns: 10_000 },
  )
})

it('reads JSON as JSON.parse does, unless something in it could not be stored', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      const result = outcome(bytesOf(text))
      if ('value' in result) expect(result.value).toEqual(JSON.parse(text))
      else expect(result.reason).toMatch(/NUL|half a character|__proto__/)
    }),
    { numRuns: 10_000 },
  )
})

it('keeps every text that can be stored, of any script', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      fc.pre(!text.includes('\0') && text.isWellFormed())
      expect(outcome(bytesOf(JSON.stringify({ text })))).toEqual({ value: { text } })
    }),
    { numRuns: 2_000 },
  )
})

it('counts depth as nesting, and brackets inside texts not at all', () => {
  const allowed = 100
  expect(outcome(bytesOf(nested(allowed, '[', ']')))).toHaveProperty('value')
  expect(outcome(bytesOf(nested(allowed + 1, '[', ']')))).toEqual({ reason: 'nested too deep' })
  expect(outcome(bytesOf(nested(allowed + 1, '{"a":', '}', '1')))).toEqual({ reason: 'nested too deep' })
  for (const open of ['[', '{"a":', '[{"a":']) expect(outcome(bytesOf(open.repeat(100_000)))).toHaveProperty('reason')
  expect(outcome(bytesOf(nested(100_000, '[', ']')))).toEqual({ reason: 'nested too deep' })
  const inText = JSON.stringify({ text: `${'['.repeat(1_000)}\\"{{{{\\\\` })
  expect(outcome(bytesOf(inText))).toEqual({ value: JSON.parse(inText) as unknown })
  expect(outcome(bytesOf(JSON.stringify(Array.from({ length: 500 }, () => [[]]))))).toHaveProperty('value')
})

const listOf = (item: string, count: number): string => `[${Array<string>(count).fill(item).join(',')}]`

it('counts values, those of keys and inside texts not', () => {
  const allowed = maxJsonValues
  for (const one of ['1', '{}', '[]']) expect(outcome(bytesOf(listOf(one, allowed - 2)))).toHaveProperty('value')
  for (const one of ['{}', '[]', '1', '"a"', '{"a":1}'])
    expect(outcome(bytesOf(listOf(one, allowed)))).toEqual({ reason: 'too many values' })
  const keys = Object.fromEntries(Array.from({ length: allowed + 1 }, (_, at) => [`k${at}`, at]))
  expect(outcome(bytesOf(JSON.stringify(keys)))).toEqual({ reason: 'too many values' })
  expect(outcome(bytesOf(JSON.stringify({ text: '[{,'.repeat(allowed) })))).toHaveProperty('value')
})

it.each([
  ['a key __proto__', '{"__proto__":{"role":"owner"}}', 'key __proto__'],
  ['one inside', '{"a":[{"__proto__":1}]}', 'key __proto__'],
  ['one spelt with escapes', '{"\\u005f\\u005fproto\\u005f\\u005f":1}', 'key __proto__'],
  ['a NUL', '{"a":"x\\u0000"}', 'contains a NUL character'],
  ['a NUL in a key', '{"\\u0000":1}', 'contains a NUL character'],
  ['half a character', '{"a":"\\ud83d"}', 'contains half a character'],
  ['the other half', '["\\ude00 x"]', 'contains half a character'],
  ['halves the wrong way round', '["\\ude00\\ud83d"]', 'contains half a character'],
])('refuses %s', (_what, text, reason) => {
  expect(outcome(bytesOf(text))).toEqual({ reason })
  expect(({} as Record<string, unknown>)['role']).toBeUndefined()
})

it.each([
  ['the text __proto__', '["__proto__"]', ['__proto__']],
  ['a whole character in escapes', '["\\ud83d\\ude00"]', ['\u{1F600}']],
  ['a byte order mark', '\ufeff{"a":1}', { a: 1 }],
  ['the key constructor', '{"constructor":{"prototype":1}}', { constructor: { prototype: 1 } }],
])('takes %s', (_what, text, value) => {
  expect(outcome(bytesOf(text))).toEqual({ value })
})

describe('a body from the wire', () => {
  const server = createServer((request, response) => {
    readBody(request, 100).then(
      async (body) => response.end(JSON.stringify({ value: (await parseBody(body, 'tenant')) ?? 'nothing' })),
      (thrown: MeshError) => response.end(JSON.stringify({ code: thrown.code })),
    )
  })
  let port: number
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))

  /** Sends a body in pieces, chunked unless a length is given. */
  const send = (pieces: (string | Buffer)[], headers: Record<string, string> = {}) =>
    new Promise<unknown>((resolve, reject) => {
      const sent = httpRequest({ port, host: '127.0.0.1', method: 'POST', headers, agent: false }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())))
      })
      sent.on('error', reject)
      for (const piece of pieces) sent.write(piece)
      sent.end()
    })

  it('is put together from its pieces, even when they cut a character', async () => {
    const bytes = Buffer.from('{"a":"王"}')
    expect(await send([bytes.subarray(0, 7), bytes.subarray(7)])).toEqual({ value: { a: '王' } })
    expect(await send([...bytes].map((byte) => Buffer.from([byte])))).toEqual({ value: { a: '王' } })
  })

  it('may be absent', async () => {
    expect(await send([])).toEqual({ value: 'nothing' })
  })

  it('is refused as soon as it is too large, said or not', async () => {
    expect(await send(['"'.padEnd(99, 'a') + '"'])).toEqual({ value: 'a'.repeat(98) })
    expect(await send(['"'.padEnd(100, 'a') + '"'])).toEqual({ code: 'PAYLOAD_TOO_LARGE' })
    expect(await send(['['.padEnd(60), ']'.padEnd(60)])).toEqual({ code: 'PAYLOAD_TOO_LARGE' })
    expect(await send(['[]'.padEnd(101)], { 'content-length': '101' })).toEqual({ code: 'PAYLOAD_TOO_LARGE' })
  })
})
