/**
 * Frames to bytes and back, as protocol buffers say (link.proto). By hand, because every call passes through here several
 * times: one buffer a batch, payloads read in place. The generated code does the same slower, and tests compare the two.
 */
import type { Frame, Open, Status, Text } from '@clawmesh/contracts/gen/clawmesh/link/v1/link.ts'

export type { Frame, Open, Status, Text }
export type Kind = NonNullable<Frame['kind']>

/** Bytes that are no batch. */
export class FrameError extends Error {}

const varint = 0
const delimited = 2
const fields = {
  piece: 2,
  message: 3,
  last: 4,
  open: 5,
  end: 6,
  credit: 7,
  cancel: 8,
  text: 9,
  leaving: 10,
  ping: 11,
} as const satisfies Record<Kind['$case'], number>

const sizeOfNumber = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5
/** Every field's number is below 16, so its tag is one byte. */
export const sizeOfPart = (length: number): number => 1 + sizeOfNumber(length) + length
export const sizeOfUint = (value: number): number => (value === 0 ? 0 : 1 + sizeOfNumber(value))
export const sizeOfText = (text: string): number => (text === '' ? 0 : sizeOfPart(Buffer.byteLength(text)))
const sizeOfBytes = ({ length }: Uint8Array): number => (length === 0 ? 0 : sizeOfPart(length))

const sizeOfOpen = (open: Open): number =>
  sizeOfUint(open.method) +
  sizeOfUint(open.identity) +
  sizeOfUint(open.timeoutMs) +
  sizeOfText(open.requestId) +
  sizeOfText(open.clientIp) +
  sizeOfText(open.traceparent)
const sizeOfStatus = (status: Status): number =>
  sizeOfUint(status.code) + sizeOfText(status.details) + sizeOfBytes(status.error) + (status.refused ? 2 : 0)
const sizeOfRemembered = ({ slot, text }: Text): number => sizeOfUint(slot) + sizeOfText(text)

const sizeOfKind = (kind: Kind | undefined): number => {
  switch (kind?.$case) {
    case undefined:
      return 0
    case 'piece':
    case 'message':
    case 'last':
      return sizeOfPart(kind.value.length)
    case 'open':
      return sizeOfPart(sizeOfOpen(kind.value))
    case 'end':
      return sizeOfPart(sizeOfStatus(kind.value))
    case 'text':
      return sizeOfPart(sizeOfRemembered(kind.value))
    case 'credit':
      return 1 + sizeOfNumber(kind.value)
    case 'cancel':
    case 'leaving':
    case 'ping':
      return 2
  }
}

const sizeOfFrame = ({ call, kind }: Frame): number => sizeOfUint(call) + sizeOfKind(kind)

/** Where the next byte goes or comes from. */
export interface Cursor {
  readonly bytes: Buffer
  at: number
}

const putNumber = (to: Cursor, value: number): void => {
  let rest = value
  while (rest >= 0x80) {
    to.bytes[to.at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  to.bytes[to.at++] = rest
}
const putTag = (to: Cursor, field: number, type: number): void => {
  to.bytes[to.at++] = (field << 3) | type
}
export const putHead = (to: Cursor, field: number, length: number): void => {
  putTag(to, field, delimited)
  putNumber(to, length)
}
export const putUint = (to: Cursor, field: number, value: number): void => {
  if (value === 0) return
  putTag(to, field, varint)
  putNumber(to, value)
}
export const putText = (to: Cursor, field: number, text: string): void => {
  if (text === '') return
  putHead(to, field, Buffer.byteLength(text))
  to.at += to.bytes.write(text, to.at)
}
const putBytes = (to: Cursor, field: number, bytes: Uint8Array): void => {
  putHead(to, field, bytes.length)
  to.bytes.set(bytes, to.at)
  to.at += bytes.length
}

const putOpen = (to: Cursor, open: Open): void => {
  putUint(to, 1, open.method)
  putUint(to, 2, open.identity)
  putUint(to, 3, open.timeoutMs)
  putText(to, 4, open.requestId)
  putText(to, 5, open.clientIp)
  putText(to, 6, open.traceparent)
}
const putStatus = (to: Cursor, status: Status): void => {
  putUint(to, 1, status.code)
  putText(to, 2, status.details)
  if (status.error.length > 0) putBytes(to, 3, status.error)
  putUint(to, 4, Number(status.refused))
}

const putKind = (to: Cursor, kind: Kind): void => {
  const field = fields[kind.$case]
  switch (kind.$case) {
    case 'piece':
    case 'message':
    case 'last':
      return putBytes(to, field, kind.value)
    case 'open':
      putHead(to, field, sizeOfOpen(kind.value))
      return putOpen(to, kind.value)
    case 'end':
      putHead(to, field, sizeOfStatus(kind.value))
      return putStatus(to, kind.value)
    case 'text':
      putHead(to, field, sizeOfRemembered(kind.value))
      putUint(to, 1, kind.value.slot)
      return putText(to, 2, kind.value.text)
    case 'credit':
    case 'cancel':
    case 'leaving':
    case 'ping':
      putTag(to, field, varint)
      putNumber(to, Number(kind.value))
  }
}

/** The bytes of a batch. */
export const encodeBatch = (frames: readonly Frame[]): Buffer => {
  let size = 0
  for (const frame of frames) size += sizeOfPart(sizeOfFrame(frame))
  const to: Cursor = { bytes: Buffer.allocUnsafe(size), at: 0 }
  for (const frame of frames) {
    putHead(to, 1, sizeOfFrame(frame))
    putUint(to, 1, frame.call)
    if (frame.kind !== undefined) putKind(to, frame.kind)
  }
  return to.bytes
}

const longestNumber = 10

/** The lower 32 bits of a number; the rest of a longer one is passed over, as generated code does. */
export const takeNumber = (from: Cursor, end: number): number => {
  let value = 0
  for (let read = 0; read < longestNumber; read++) {
    if (from.at >= end) throw new FrameError('a number is cut off')
    const byte = from.bytes[from.at++]!
    if (read < 5) value |= (byte & 0x7f) << (7 * read)
    if (byte < 0x80) return value >>> 0
  }
  throw new FrameError('a number is too long')
}

/** Where a part that begins here ends. */
const takeEnd = (from: Cursor, end: number): number => {
  const length = takeNumber(from, end)
  if (length > end - from.at) throw new FrameError('a part is cut off')
  return from.at + length
}
const takeBytes = (from: Cursor, end: number): Buffer => {
  const until = takeEnd(from, end)
  const bytes = from.bytes.subarray(from.at, until)
  from.at = until
  return bytes
}
export const takeText = (from: Cursor, end: number): string => takeBytes(from, end).toString('utf8')

const fixed64 = 1
const fixed32 = 5

/** Passes over a field that this version does not know. */
const skip = (from: Cursor, type: number, end: number): void => {
  if (type === varint) takeNumber(from, end)
  else if (type === delimited) takeBytes(from, end)
  else if (type === fixed64 || type === fixed32) from.at += type === fixed64 ? 8 : 4
  else throw new FrameError('a field of an unknown type')
  if (from.at > end) throw new FrameError('a field is cut off')
}

/** Reads fields until the end; `read` takes the value of those it knows, by tag, and says whether it did. */
export const takeFields = (from: Cursor, end: number, read: (tag: number) => boolean): void => {
  while (from.at < end) {
    const tag = takeNumber(from, end)
    if (tag >>> 3 === 0) throw new FrameError('a field without a number')
    if (!read(tag)) skip(from, tag & 7, end)
  }
}

export const uintTag = (field: number): number => (field << 3) | varint
export const partTag = (field: number): number => (field << 3) | delimited

const takeOpen = (from: Cursor, end: number): Open => {
  const open: Open = { method: 0, identity: 0, timeoutMs: 0, requestId: '', clientIp: '', traceparent: '' }
  takeFields(from, end, (tag) => {
    if (tag === uintTag(1)) open.method = takeNumber(from, end)
    else if (tag === uintTag(2)) open.identity = takeNumber(from, end)
    else if (tag === uintTag(3)) open.timeoutMs = takeNumber(from, end)
    else if (tag === partTag(4)) open.requestId = takeText(from, end)
    else if (tag === partTag(5)) open.clientIp = takeText(from, end)
    else if (tag === partTag(6)) open.traceparent = takeText(from, end)
    else return false
    return true
  })
  return open
}

const takeStatus = (from: Cursor, end: number): Status => {
  const status: Status = { code: 0, details: '', error: Buffer.alloc(0), refused: false }
  takeFields(from, end, (tag) => {
    if (tag === uintTag(1)) status.code = takeNumber(from, end)
    else if (tag === partTag(2)) status.details = takeText(from, end)
    else if (tag === partTag(3)) status.error = takeBytes(from, end)
    else if (tag === uintTag(4)) status.refused = takeNumber(from, end) !== 0
    else return false
    return true
  })
  return status
}

const takeRemembered = (from: Cursor, end: number): Text => {
  const remembered: Text = { slot: 0, text: '' }
  takeFields(from, end, (tag) => {
    if (tag === uintTag(1)) remembered.slot = takeNumber(from, end)
    else if (tag === partTag(2)) remembered.text = takeText(from, end)
    else return false
    return true
  })
  return remembered
}

/** How the value of each kind is read, by tag. */
const readers = new Map<number, (from: Cursor, end: number) => Kind>([
  [partTag(fields.piece), (from, end) => ({ $case: 'piece', value: takeBytes(from, end) })],
  [partTag(fields.message), (from, end) => ({ $case: 'message', value: takeBytes(from, end) })],
  [partTag(fields.last), (from, end) => ({ $case: 'last', value: takeBytes(from, end) })],
  [partTag(fields.open), (from, end) => ({ $case: 'open', value: takeOpen(from, takeEnd(from, end)) })],
  [partTag(fields.end), (from, end) => ({ $case: 'end', value: takeStatus(from, takeEnd(from, end)) })],
  [partTag(fields.text), (from, end) => ({ $case: 'text', value: takeRemembered(from, takeEnd(from, end)) })],
  [uintTag(fields.credit), (from, end) => ({ $case: 'credit', value: takeNumber(from, end) })],
  [uintTag(fields.cancel), (from, end) => ({ $case: 'cancel', value: takeNumber(from, end) !== 0 })],
  [uintTag(fields.leaving), (from, end) => ({ $case: 'leaving', value: takeNumber(from, end) !== 0 })],
  [uintTag(fields.ping), (from, end) => ({ $case: 'ping', value: takeNumber(from, end) !== 0 })],
])

const callTag = uintTag(1)

const takeFrame = (from: Cursor, end: number): Frame => {
  const frame: Frame = { call: 0, kind: undefined }
  takeFields(from, end, (tag) => {
    if (tag === callTag) {
      frame.call = takeNumber(from, end)
      return true
    }
    const reader = readers.get(tag)
    if (reader === undefined) return false
    frame.kind = reader(from, end)
    return true
  })
  return frame
}

/** The frames of a batch; their bytes are views of it. @throws FrameError when it is none */
export const decodeBatch = (bytes: Buffer): Frame[] => {
  const frames: Frame[] = []
  const from: Cursor = { bytes, at: 0 }
  takeFields(from, bytes.length, (tag) => {
    if (tag !== partTag(1)) return false
    frames.push(takeFrame(from, takeEnd(from, bytes.length)))
    return true
  })
  return frames
}
