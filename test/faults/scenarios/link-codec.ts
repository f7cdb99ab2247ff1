/** Frames as bytes: what the generated code makes of them, in half the time. */
import fc from 'fast-check'
import { Batch } from '@clawmesh/contracts/gen/clawmesh/link/v1/link.ts'
import { decodeBatch, encodeBatch, FrameError, type Frame, type Kind } from '../../../chassis/src/link/codec.ts'

const uint = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
const text = fc.string({ unit: 'grapheme', maxLength: 300 })
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const kind: fc.Arbitrary<Kind> = fc.oneof(
  fc.record({ $case: fc.constantFrom('piece', 'message', 'last'), value: bytes }),
  fc.record({ $case: fc.constant('credit'), value: uint }),
  fc.record({ $case: fc.constantFrom('cancel', 'leaving', 'ping'), value: fc.boolean() }),
  fc.record({ $case: fc.constant('text'), value: fc.record({ slot: uint, text }) }),
  fc.record({
    $case: fc.constant('end'),
    value: fc.record({ code: uint, details: text, error: bytes, refused: fc.boolean() }),
  }),
  fc.record({
    $case: fc.constant('open'),
    value: fc.record({
      method: uint,
      identity: uint,
      timeoutMs: uint,
      requestId: text,
      clientIp: text,
      traceparent: text,
    }),
  }),
)
const frames: fc.Arbitrary<Frame[]> = fc.array(
  fc.record({ call: uint, kind: fc.option(kind, { freq: 20, nil: undefined }) }),
  { maxLength: 20 },
)

/** Random frames, and bytes that are none. */
export const linkCodecTests = ({ cases }: { cases: number }): void => {
  test('frames come out as they went in', () => {
    fc.assert(
      fc.property(frames, (batch) => expect(decodeBatch(encodeBatch(batch))).toEqual(batch)),
      { numRuns: cases },
    )
  })

  test('bytes are those of the contract: generated code reads ours, and we read its', () => {
    fc.assert(
      fc.property(frames, (batch) => {
        expect(Batch.decode(encodeBatch(batch)).frames).toEqual(batch)
        expect(decodeBatch(Buffer.from(Batch.encode({ frames: batch }).finish()))).toEqual(batch)
      }),
      { numRuns: cases },
    )
  })

  test('bytes that are no batch are refused as such, and never read beyond their end', () => {
    const mutated = fc.tuple(frames, fc.nat(), fc.nat(255), fc.nat(10)).map(([batch, at, byte, cut]) => {
      const encoded = encodeBatch(batch)
      if (encoded.length > 0) encoded[at % encoded.length] = byte
      return encoded.subarray(0, encoded.length - Math.min(cut, encoded.length))
    })
    fc.assert(
      fc.property(fc.oneof(mutated, bytes), (any) => {
        try {
          decodeBatch(any)
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(FrameError)
        }
      }),
      { numRuns: cases },
    )
  })

  test('fields of a later version are passed over', () => {
    const frame: Frame = { call: 7, kind: { $case: 'credit', value: 300 } }
    const known = encodeBatch([frame])
    const later = [
      [0x78, 0x96, 0x01],
      [0x7a, 0x02, 0x01, 0x02],
      [0x7d, 1, 2, 3, 4],
      [0x79, 1, 2, 3, 4, 5, 6, 7, 8],
    ].map((field) => Buffer.from(field))
    // Beside the frames, and inside one: its length is the second byte.
    for (const field of later) {
      expect(decodeBatch(Buffer.concat([field, known, field]))).toEqual([frame])
      const inside = Buffer.concat([known, field])
      inside[1]! += field.length
      expect(decodeBatch(inside)).toEqual([frame])
    }
  })
}
