import fc from 'fast-check'
import { readFrame } from '../../../gateway/src/ws/read-frame.ts'

const withBigInts = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)

/** Bytes that look more and more like a request. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.json().map((text) => Buffer.from(text)),
  fc
    .record(
      {
        type: fc.oneof(fc.constant('req'), fc.anything()),
        id: fc.oneof(fc.string(), fc.integer(), fc.anything()),
        method: fc.oneof(fc.string(), fc.anything()),
        params: fc.oneof(fc.dictionary(fc.string(), fc.anything()), fc.anything()),
      },
      { requiredKeys: [] },
    )
    .map((value) => Buffer.from(JSON.stringify(value, withBigInts))),
)

/** Reads frames of many bytes; each must be a request, or say why it is none under an id that can be sent. */
export const readManyFrames = (numRuns: number): { requests: number; refused: number } => {
  let requests = 0
  let refused = 0
  fc.assert(
    fc.property(bytes, (frame) => {
      const incoming = readFrame(frame)
      if (incoming.request !== undefined) {
        requests++
        return typeof incoming.request.method === 'string' && ['string', 'number'].includes(typeof incoming.request.id)
      }
      refused++
      return incoming.error.code === 'INVALID_REQUEST' && ['string', 'number'].includes(typeof incoming.id)
    }),
    { numRuns },
  )
  return { requests, refused }
}
