/** Heads of HTTP requests and answers as bytes: what the generated code makes of them. */
import fc from 'fast-check'
import { AnswerHead, RequestHead } from '@clawmesh/contracts/gen/clawmesh/link/v1/link.ts'
import { FrameError } from '../src/link/codec.ts'
import { decodeAnswerHead, decodeRequestHead, encodeAnswerHead, encodeRequestHead } from '../src/link/http-codec.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 100 })
const name = fc.oneof(fc.stringMatching(/^[a-z-]{1,20}$/), fc.constantFrom('__proto__', 'constructor', 'set-cookie'))
const value = fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 4 }))
const headers = fc.array(fc.tuple(name, value), { maxLength: 15 }).map((entries) => {
  const all = Object.create(null) as Record<string, string | string[]>
  for (const [key, its] of entries) all[key] = its
  return all
})
const request = fc.record({ method: text, url: text, headers })
const status = fc.integer({ min: 0, max: 999 })
const listOf = (all: Record<string, string | string[]>): string[] =>
  Object.entries(all).flatMap(([key, its]) => [its].flat().flatMap((each) => [key, each]))

test('heads come out as they went in, and no name of a header means anything to the program', () => {
  fc.assert(
    fc.property(request, status, (head, code) => {
      expect(decodeRequestHead(encodeRequestHead(head))).toEqual(head)
      expect(decodeAnswerHead(encodeAnswerHead(code, head.headers))).toEqual({ status: code, headers: head.headers })
    }),
  )
})

test('bytes are those of the contract: generated code reads ours, and we read its', () => {
  fc.assert(
    fc.property(request, status, (head, code) => {
      const list = listOf(head.headers)
      expect(RequestHead.decode(encodeRequestHead(head))).toEqual({ ...head, headers: list })
      expect(decodeRequestHead(Buffer.from(RequestHead.encode({ ...head, headers: list }).finish()))).toEqual(head)
      expect(AnswerHead.decode(encodeAnswerHead(code, head.headers))).toEqual({ status: code, headers: list })
    }),
  )
})

test('bytes that are no head are refused as such', () => {
  const mutated = fc.tuple(request, fc.nat(), fc.nat(255), fc.nat(10)).map(([head, at, byte, cut]) => {
    const encoded = encodeRequestHead(head)
    if (encoded.length > 0) encoded[at % encoded.length] = byte
    return encoded.subarray(0, encoded.length - Math.min(cut, encoded.length))
  })
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
  fc.assert(
    fc.property(fc.oneof(mutated, bytes), (any) => {
      for (const decode of [decodeRequestHead, decodeAnswerHead])
        try {
          decode(any)
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(FrameError)
        }
    }),
    { numRuns: 2_000 },
  )
  expect(() => decodeRequestHead(Buffer.alloc(131_073))).toThrow(FrameError)
})
